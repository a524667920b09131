#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "delta/layout/tensor.h"
#include "delta/number/number_method.h"

// What old numbers become before new ones are compared with them; format.md section 4.6. Every
// step is exact or one IEEE 754 operation in double precision, so all processors agree.
namespace strandline::delta::number {

/// Where a run of numbers lies in a matrix: row by row, `columns` numbers each, starting in the
/// first row at column `phase`.
struct Grid {
    std::uint64_t columns = 1;
    std::uint64_t phase = 0;

    /// Rows that `count` numbers touch.
    [[nodiscard]] std::uint64_t rows(std::uint64_t count) const {
        return (phase + count + columns - 1) / columns;
    }
};

/// Types that these functions know.
[[nodiscard]] constexpr bool can_predict(ElementType type) {
    return type == ElementType::f32 || type == ElementType::f16 || type == ElementType::bf16;
}

/// Multiplies each row by its scale and rounds to `type`.
void scale_rows(ElementType type, std::span<std::byte> numbers, const Grid& grid,
                std::span<const float> scales);

/// Multiplies each column by its scale and rounds to `type`.
void scale_columns(ElementType type, std::span<std::byte> numbers, const Grid& grid,
                   std::span<const float> scales);

/// A product of two thin matrices of integers of at most 28 bits, times 2^-shift.
struct LowRank {
    static constexpr unsigned max_rank = 32;
    static constexpr unsigned factor_bits = 28;
    unsigned rank = 0;
    int shift = 0;                        ///< 0 to 200
    std::span<const std::int32_t> left;   ///< rank numbers for each row
    std::span<const std::int32_t> right;  ///< rank rows of `columns` numbers
};

/// Adds the product to the numbers and rounds to `type`.
void add_low_rank(ElementType type, std::span<std::byte> numbers, const Grid& grid,
                  const LowRank& product, Speed speed = Speed::best);

}  // namespace strandline::delta::number
