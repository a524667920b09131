#include "delta/number/predict.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>

#include "delta/number/load_number.h"
#include "delta/number/number_format.h"
#include "delta/number/number_work.h"
#include "delta/number/rounding.h"

namespace strandline::delta::number {
namespace {

static_assert(FLT_EVAL_METHOD == 0, "each operation must be rounded to its own type; see fold.cpp");

struct F32 {
    static constexpr ElementType type = ElementType::f32;
    static constexpr std::size_t bytes = 4;
    static double load(const std::byte* at) { return load_number<ElementType::f32>(at); }
    static void store(std::byte* at, double value) {
        store_word(at, std::bit_cast<std::uint32_t>(rounded32(value)));
    }
};

template <ElementType Type, class Format>
struct Short {
    static constexpr ElementType type = Type;
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
        std::byte* const first = numbers.data() + done * Number::bytes;
        for (std::size_t i = 0; i < length;) {
            std::size_t stop = length;
            if (fast) {
                i += add_sums_avx2(Number::type, first + i * Number::bytes, sums.data() + i, unit,
                                   length - i);
                stop = std::min(length, i + 4);
            }
            for (; i < stop; ++i) {
                std::byte* const at = first + i * Number::bytes;
                Number::store(at, Number::load(at) + static_cast<double>(sums[i]) * unit);
            }
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
