#include "base/float16.h"

#include <bit>

namespace strandline {
namespace {

constexpr std::uint32_t float_infinity = 0x7f800000;
constexpr std::uint32_t half_infinity = 0x7c00;
constexpr std::uint32_t half_quiet_nan = 0x7e00;
constexpr std::uint32_t smallest_normal_half = 0x38800000;  // 2^-14 as a float
constexpr std::uint32_t half_overflow = 0x47800000;         // 2^16 as a float
constexpr std::uint32_t exponent_offset = 127 - 15;

/// Shifts right and rounds to nearest, ties to even.
std::uint32_t shift_round(std::uint32_t value, std::uint32_t shift) {
    const std::uint32_t kept = value >> shift;
    const std::uint32_t rest = value & ((1U << shift) - 1);
    const std::uint32_t half = 1U << (shift - 1);
    const bool up = rest > half || (rest == half && (kept & 1U) != 0);
    return kept + (up ? 1 : 0);
}

}  // namespace

float half_to_float(std::uint16_t bits) {
    const std::uint32_t sign = (bits & 0x8000U) << 16;
    const std::uint32_t exponent = (bits >> 10) & 0x1fU;
    const std::uint32_t fraction = bits & 0x3ffU;
    if (exponent == 0x1f) return std::bit_cast<float>(sign | float_infinity | (fraction << 13));
    if (exponent != 0) {
        return std::bit_cast<float>(sign | ((exponent + exponent_offset) << 23) | (fraction << 13));
    }
    // Subnormal: fraction * 2^-24, exact in a float.
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
}

std::uint16_t float_to_half(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (bits >> 16) & 0x8000U;
    const std::uint32_t magnitude = bits & 0x7fffffffU;
    if (magnitude > float_infinity) return static_cast<std::uint16_t>(sign | half_quiet_nan);
    if (magnitude >= half_overflow) return static_cast<std::uint16_t>(sign | half_infinity);
    if (magnitude >= smallest_normal_half) {
        // A carry out of the fraction raises the exponent, up to infinity: that is right.
        const std::uint32_t rebased = magnitude - (exponent_offset << 23);
        return static_cast<std::uint16_t>(sign | shift_round(rebased, 13));
    }
    const std::uint32_t exponent = magnitude >> 23;
    if (exponent < 102) return static_cast<std::uint16_t>(sign);  // below 2^-25 rounds to zero
    const std::uint32_t significand = (magnitude & 0x7fffffU) | 0x800000U;
    return static_cast<std::uint16_t>(sign | shift_round(significand, 126 - exponent));
}

}  // namespace strandline
