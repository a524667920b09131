#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

// Results of double precision in shorter formats, the same on every processor; format.md section
// 4.6.
namespace strandline::delta::number {

/// The nearest binary32; what is not a number becomes 0x7fc00000.
[[nodiscard]] inline float rounded32(double value) {
    // Beyond the range of float is infinity in IEEE 754, but undefined in C++.
    constexpr double limit = 3.5e38;
    constexpr float infinity = std::numeric_limits<float>::infinity();
    constexpr std::uint32_t not_a_number = 0x7fc00000;
    if (std::isnan(value)) return std::bit_cast<float>(not_a_number);
    if (std::abs(value) > limit) return value > 0 ? infinity : -infinity;
    return static_cast<float>(value);
}

/// Rounds to the nearest number of a 16-bit format, ties to even.
template <class Format>
class Rounding16 {
public:
    static std::uint16_t rounded(double value) {
        // All but a few are normal numbers in both formats.
        constexpr std::uint64_t smallest_normal = std::uint64_t{1} << Format::fraction_bits;
        constexpr std::uint64_t other_bias = std::uint64_t{double_bias - bias}
                                             << Format::fraction_bits;
        const auto bits = std::bit_cast<std::uint64_t>(value);
        const std::uint64_t near = rounded_shift(bits & ~sign_bit, dropped) - other_bias;
        if (near - smallest_normal >= infinite - smallest_normal) [[unlikely]]
            return unusual(value);
        return static_cast<std::uint16_t>(bits >> 63 << 15 | near);
    }

private:
    static constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;
    static constexpr unsigned double_fraction = 52;
    static constexpr unsigned double_bias = 1023;
    static constexpr unsigned bias = (1U << (Format::exponent_bits - 1)) - 1;
    static constexpr unsigned dropped = double_fraction - Format::fraction_bits;
    static constexpr std::uint64_t infinite = ((std::uint64_t{1} << Format::exponent_bits) - 1)
                                              << Format::fraction_bits;

    // `value` >> bits, to the nearest, of two equally near ones the even one.
    static std::uint64_t rounded_shift(std::uint64_t value, unsigned bits) {
        const std::uint64_t half = std::uint64_t{1} << (bits - 1);
        const std::uint64_t odd = value >> bits & 1;
        return (value + half - 1 + odd) >> bits;
    }
    [[gnu::noinline]] static std::uint16_t unusual(double value) {
        // Which bits "not a number" has differs between processors.
        if (std::isnan(value)) return static_cast<std::uint16_t>(infinite | 1u);
        const auto bits = std::bit_cast<std::uint64_t>(value);
        const auto sign = static_cast<std::uint16_t>(bits >> 63 << 15);
        const std::uint64_t exponent = bits >> double_fraction & 0x7ff;
        if (exponent > double_bias) return static_cast<std::uint16_t>(sign | infinite);
        // Subnormal: the leading one becomes part of the fraction.
        constexpr std::uint64_t first_normal = double_bias - bias + 1;
        const std::uint64_t fraction = bits & ((std::uint64_t{1} << double_fraction) - 1);
        const std::uint64_t whole = fraction | std::uint64_t{1} << double_fraction;
        const auto missing =
            static_cast<unsigned>(std::min<std::uint64_t>(first_normal - exponent, 12));
        return static_cast<std::uint16_t>(sign | rounded_shift(whole, dropped + missing));
    }
};

}  // namespace strandline::delta::number
