#include "delta/number/predict.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>

#include "delta/number/load_number.h"
#include "delta/number/number_format.h"
#include "delta/number/number_work.h"

namespace strandline::delta::number {
namespace {

static_assert(FLT_EVAL_METHOD == 0, "each operation must be rounded to its own type; see fold.cpp");

// Rounds to the nearest number of a 16-bit format, ties to even.
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

struct F32 {
    static constexpr std::size_t bytes = 4;
    static double load(const std::byte* at) { return load_number<ElementType::f32>(at); }
    static void store(std::byte* at, double value) {
        // Beyond the range of float is infinity in IEEE 754, but undefined in C++.
        constexpr double limit = 3.5e38;
        constexpr std::uint32_t not_a_number = 0x7fc00000;
        if (std::isnan(value)) return store_word(at, not_a_number);
        value = value > limit ? INFINITY : value < -limit ? -INFINITY : value;
        store_word(at, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
    }
};

template <ElementType type, class Format>
struct Short {
    static constexpr std::size_t bytes = 2;
    static double load(const std::byte* at) { return load_number<type>(at); }
    static void store(std::byte* at, double value) {
        store_word(at, Rounding16<Format>::rounded(value));
    }
};
using F16 = Short<ElementType::f16, Float16>;
using Bf16 = Short<ElementType::bf16, Bfloat16>;

template <class Number, bool ByColumn = false>
void scale_all(std::span<std::byte> numbers, const Grid& grid, std::span<const float> scales) {
    const std::size_t count = numbers.size() / Number::bytes;
    std::byte* at = numbers.data();
    std::uint64_t column = grid.phase;
    std::size_t row = 0;
    for (std::size_t i = 0; i < count; ++i, at += Number::bytes, ++column) {
        if (column == grid.columns) {
            column = 0;
            ++row;
        }
        Number::store(at, Number::load(at) * static_cast<double>(scales[ByColumn ? column : row]));
    }
}

// Sums stay below 2^60: rank and factors are limited.
template <class Number>
void add_all(std::span<std::byte> numbers, const Grid& grid, const LowRank& product, Speed speed) {
    constexpr std::size_t strip = 256;
    const bool fast = speed == Speed::best && has_avx2();
    const double unit = std::ldexp(1.0, -product.shift);
    const std::size_t count = numbers.size() / Number::bytes;
    std::uint64_t column = grid.phase;
    std::size_t row = 0;
    std::array<std::int64_t, strip> sums{};
    for (std::size_t done = 0; done < count;) {
        if (column == grid.columns) {
            column = 0;
            ++row;
        }
        const auto length = static_cast<std::size_t>(
            std::min<std::uint64_t>({strip, count - done, grid.columns - column}));
        sums.fill(0);
        for (unsigned k = 0; k < product.rank; ++k) {
            const std::int32_t left = product.left[row * product.rank + k];
            const std::int32_t* right = product.right.data() + k * grid.columns + column;
            if (fast)
                add_products_avx2(sums.data(), left, right, length);
            else
                for (std::size_t i = 0; i < length; ++i) sums[i] += std::int64_t{left} * right[i];
        }
        std::byte* at = numbers.data() + done * Number::bytes;
        for (std::size_t i = 0; i < length; ++i, at += Number::bytes) {
            Number::store(at, Number::load(at) + static_cast<double>(sums[i]) * unit);
        }
        done += length;
        column += length;
    }
}

}  // namespace

void scale_rows(ElementType type, std::span<std::byte> numbers, const Grid& grid,
                std::span<const float> scales) {
    if (type == ElementType::f32) scale_all<F32>(numbers, grid, scales);
    if (type == ElementType::f16) scale_all<F16>(numbers, grid, scales);
    if (type == ElementType::bf16) scale_all<Bf16>(numbers, grid, scales);
}

void scale_columns(ElementType type, std::span<std::byte> numbers, const Grid& grid,
                   std::span<const float> scales) {
    if (type == ElementType::f32) scale_all<F32, true>(numbers, grid, scales);
    if (type == ElementType::f16) scale_all<F16, true>(numbers, grid, scales);
    if (type == ElementType::bf16) scale_all<Bf16, true>(numbers, grid, scales);
}

void add_low_rank(ElementType type, std::span<std::byte> numbers, const Grid& grid,
                  const LowRank& product, Speed speed) {
    if (type == ElementType::f32) add_all<F32>(numbers, grid, product, speed);
    if (type == ElementType::f16) add_all<F16>(numbers, grid, product, speed);
    if (type == ElementType::bf16) add_all<Bf16>(numbers, grid, product, speed);
}

}  // namespace strandline::delta::number
