#include "delta/number/cast.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace strandline::delta::number {
namespace {

constexpr std::uint32_t magnitude_mask = 0x7fff'ffff;
constexpr std::uint32_t infinity = 0x7f80'0000;

// `value` >> bits, to the nearest, of two equally near ones the even one.
constexpr std::uint32_t rounded_shift(std::uint32_t value, unsigned bits) {
    const std::uint32_t half = 1U << (bits - 1);
    const std::uint32_t odd = value >> bits & 1;
    return (value + half - 1 + odd) >> bits;
}

}  // namespace

std::uint32_t from_float16(std::uint16_t bits) {
    const std::uint32_t sign = std::uint32_t{bits} >> 15 << 31;
    const std::uint32_t exponent = bits >> 10 & 31U;
    std::uint32_t fraction = bits & 0x3ffU;
    if (exponent == 31) return sign | infinity | fraction << 13;
    if (exponent != 0) return sign | (exponent + 112) << 23 | fraction << 13;
    if (fraction == 0) return sign;
    // Subnormal there, normal here.
    const auto shift = static_cast<unsigned>(std::countl_zero(fraction)) - 21;
    fraction = fraction << shift & 0x3ffU;
    return sign | (113 - shift) << 23 | fraction << 13;
}

std::uint32_t from_bfloat16(std::uint16_t bits) { return std::uint32_t{bits} << 16; }

std::uint16_t to_float16(std::uint32_t bits) {
    const std::uint32_t sign = bits >> 31 << 15;
    const std::uint32_t magnitude = bits & magnitude_mask;
    if (magnitude > infinity)
        return static_cast<std::uint16_t>(sign | 0x7e00U | (magnitude >> 13 & 0x3ffU));
    constexpr std::uint32_t overflow = 0x4780'0000;         // 2^16
    constexpr std::uint32_t smallest_normal = 0x3880'0000;  // 2^-14
    constexpr std::uint32_t vanishing = 0x3300'0000;        // 2^-25, half the smallest
    if (magnitude >= overflow) return static_cast<std::uint16_t>(sign | 0x7c00U);
    // A carry out of the fraction makes the next exponent, and infinity out of the largest.
    if (magnitude >= smallest_normal)
        return static_cast<std::uint16_t>(sign | (rounded_shift(magnitude, 13) - (112U << 10)));
    if (magnitude <= vanishing) return static_cast<std::uint16_t>(sign);
    const std::uint32_t whole = (magnitude & 0x7f'ffffU) | 0x80'0000U;
    return static_cast<std::uint16_t>(sign | rounded_shift(whole, 126 - (magnitude >> 23)));
}

std::uint16_t to_bfloat16(std::uint32_t bits) {
    if ((bits & magnitude_mask) > infinity) return static_cast<std::uint16_t>(bits >> 16 | 0x40U);
    const std::uint32_t sign = bits >> 31 << 15;
    return static_cast<std::uint16_t>(sign | rounded_shift(bits & magnitude_mask, 16));
}

std::int32_t quantised(float value, float scale, std::int32_t zero_point, std::int32_t least,
                       std::int32_t most) {
    const float share = value / scale;
    if (std::isnan(share)) return std::clamp(zero_point, least, most);
    // Far outside of 8 bits all is the same, and an integer could not hold it.
    constexpr float far = 1024;
    const float near = std::clamp(share, -far, far);
    // By hand, as the processor's rounding mode belongs to the program.
    const float below = std::floor(near);
    const float rest = near - below;
    auto integer = static_cast<std::int32_t>(below);
    if (rest > 0.5F || (rest == 0.5F && integer % 2 != 0)) ++integer;
    return std::clamp(integer + zero_point, least, most);
}

}  // namespace strandline::delta::number
