#pragma once

#include <cstddef>
#include <cstdint>

#include "delta/number/column_memory.h"
#include "delta/number/number_method.h"
#include "delta/number/number_model.h"

namespace strandline::delta::number {

class SymbolReader;
class SymbolWriter;

/// One block of numbers to be coded, whatever their type.
struct Work {
    const std::byte* numbers = nullptr;    ///< what is written
    std::byte* out = nullptr;              ///< where to, when reading
    const std::byte* reference = nullptr;  ///< old numbers, or null for zeros
    std::size_t count = 0;
    std::int32_t start = 0;  ///< of the expected size, in 1/256 bit
    ColumnMemory columns;    ///< none: they are not told apart
};

/// The rows of a block of signed bytes. `ratios` has one for each, in 1/4096 above one.
struct RatioRows {
    std::uint64_t columns = 1;
    std::uint64_t phase = 0;  ///< column of the first number
    const std::int16_t* ratios = nullptr;
};
inline constexpr unsigned ratio_bits = 12;
inline constexpr std::int32_t one_ratio = 1 << ratio_bits;

/// Whether this processor has the instructions that number_coder_avx2.cpp is compiled for.
[[nodiscard]] bool has_avx2();

/// run_type() for processors with AVX2.
void write_avx2(ElementType type, Method method, Work& work, NumberModel& model,
                SymbolWriter& writer);
[[nodiscard]] bool read_avx2(ElementType type, Method method, Work& work, NumberModel& model,
                             SymbolReader& reader);

/// run_rescaled() for processors with AVX2.
void write_rescaled_avx2(Work& work, const RatioRows& rows, NumberModel& model,
                         SymbolWriter& writer);
[[nodiscard]] bool read_rescaled_avx2(Work& work, const RatioRows& rows, NumberModel& model,
                                      SymbolReader& reader);

/// sums[i] += left * right[i], for `count` numbers.
void add_products_avx2(std::int64_t* sums, std::int32_t left, const std::int32_t* right,
                       std::size_t count);

/// Adds sums, times a power of two, to numbers as add_low_rank() does. Returns how many it got to:
/// all but up to three at the end, or those in front of four that are not all usual.
[[nodiscard]] std::size_t add_sums_avx2(ElementType type, std::byte* numbers,
                                        const std::int64_t* sums, double unit, std::size_t count);

/// run_type() in plain C++.
void write_portable(ElementType type, Method method, Work& work, NumberModel& model,
                    SymbolWriter& writer);
[[nodiscard]] bool read_portable(ElementType type, Method method, Work& work, NumberModel& model,
                                 SymbolReader& reader);

}  // namespace strandline::delta::number
