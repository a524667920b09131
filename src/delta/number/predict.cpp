#include "delta/number/predict.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>

#include "delta/number/number_format.h"

namespace strandline::delta::number {
namespace {

static_assert(FLT_EVAL_METHOD == 0, "each operation must be rounded to its own type; see fold.cpp");

// Rounds to the nearest number of a 16-bit format, ties to even.
template <class Format>
std::uint16_t rounded16(double value) {
    constexpr int bias = (1 << (Format::exponent_bits - 1)) - 1;
    constexpr unsigned exponent_all = (1u << Format::exponent_bits) - 1;
    constexpr int double_bias = 1023;
    constexpr unsigned double_fraction = 52;
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const auto sign = static_cast<std::uint16_t>(bits >> 63 << 15);
    const int exponent = static_cast<int>(bits >> double_fraction & 0x7ff) - double_bias + bias;
    std::uint64_t fraction = bits & ((std::uint64_t{1} << double_fraction) - 1);
    constexpr unsigned infinite = exponent_all << Format::fraction_bits;
    // Which bits "not a number" has differs between processors.
    if (std::isnan(value)) return static_cast<std::uint16_t>(infinite | 1u);
    if (std::isinf(value)) return static_cast<std::uint16_t>(sign | infinite);
    unsigned drop = double_fraction - Format::fraction_bits;
    std::uint64_t head = 0;
    if (exponent <= 0) {  // subnormal: the leading one becomes part of the fraction
        fraction |= std::uint64_t{1} << double_fraction;
        drop += static_cast<unsigned>(std::min(1 - exponent, 12));
    } else {
        head = static_cast<std::uint64_t>(exponent) << Format::fraction_bits;
    }
    const std::uint64_t half = std::uint64_t{1} << (drop - 1);
    const std::uint64_t kept = fraction >> drop;
    const std::uint64_t lost = fraction & ((std::uint64_t{1} << drop) - 1);
    std::uint64_t result = head + kept;
    if (lost > half || (lost == half && (kept & 1) != 0)) ++result;
    result = std::min(result, std::uint64_t{infinite});
    return static_cast<std::uint16_t>(sign | result);
}

struct F32 {
    static constexpr std::size_t bytes = 4;
    static double load(const std::byte* at) {
        return std::bit_cast<float>(load_word<std::uint32_t>(at));
    }
    static void store(std::byte* at, double value) {
        // Beyond the range of float is infinity in IEEE 754, but undefined in C++.
        constexpr double limit = 3.5e38;
        constexpr std::uint32_t not_a_number = 0x7fc00000;
        if (std::isnan(value)) return store_word(at, not_a_number);
        value = value > limit ? INFINITY : value < -limit ? -INFINITY : value;
        store_word(at, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
    }
};

template <class Format>
struct Short {
    static constexpr std::size_t bytes = 2;
    static double load(const std::byte* at) {
        const auto word = load_word<std::uint16_t>(at);
        constexpr int bias = (1 << (Format::exponent_bits - 1)) - 1;
        constexpr int all = (1 << Format::exponent_bits) - 1;
        constexpr int fraction_bits = static_cast<int>(Format::fraction_bits);
        const int exponent = Format::exponent(word);
        const int fraction = word & ((1 << fraction_bits) - 1);
        const double sign = Format::negative(word) ? -1.0 : 1.0;
        if (exponent == all) return fraction != 0 ? NAN : sign * INFINITY;
        if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
        return sign * std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
    }
    static void store(std::byte* at, double value) { store_word(at, rounded16<Format>(value)); }
};

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
void add_all(std::span<std::byte> numbers, const Grid& grid, const LowRank& product) {
    constexpr std::size_t strip = 256;
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
            const std::int64_t left = product.left[row * product.rank + k];
            const std::int32_t* right = product.right.data() + k * grid.columns + column;
            for (std::size_t i = 0; i < length; ++i) sums[i] += left * right[i];
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
    if (type == ElementType::f16) scale_all<Short<Float16>>(numbers, grid, scales);
    if (type == ElementType::bf16) scale_all<Short<Bfloat16>>(numbers, grid, scales);
}

void scale_columns(ElementType type, std::span<std::byte> numbers, const Grid& grid,
                   std::span<const float> scales) {
    if (type == ElementType::f32) scale_all<F32, true>(numbers, grid, scales);
    if (type == ElementType::f16) scale_all<Short<Float16>, true>(numbers, grid, scales);
    if (type == ElementType::bf16) scale_all<Short<Bfloat16>, true>(numbers, grid, scales);
}

void add_low_rank(ElementType type, std::span<std::byte> numbers, const Grid& grid,
                  const LowRank& product) {
    if (type == ElementType::f32) add_all<F32>(numbers, grid, product);
    if (type == ElementType::f16) add_all<Short<Float16>>(numbers, grid, product);
    if (type == ElementType::bf16) add_all<Short<Bfloat16>>(numbers, grid, product);
}

double value_at(ElementType type, const std::byte* at) {
    if (type == ElementType::f32) return F32::load(at);
    if (type == ElementType::f16) return Short<Float16>::load(at);
    if (type == ElementType::bf16) return Short<Bfloat16>::load(at);
    return 0;
}

}  // namespace strandline::delta::number
