#pragma once

#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/number/number_coder.h"

// The few numbers that changed, and the gaps between them; format.md section 4.5.
namespace strandline::delta {

/// Share of the numbers that may change: what a reader works with must fit a block's length.
[[nodiscard]] constexpr bool is_sparse(std::size_t changed, std::size_t count, std::size_t one) {
    return changed * (sizeof(std::uint32_t) + 2 * one) <= count * one;
}

/// What is learned of the numbers that changed, and of the gaps between them.
struct SparseModels {
    number::NumberModel& numbers;
    number::NumberModel& gaps;
};

/// Appends the streams of `numbers`; false, and nothing appended, when too many changed.
[[nodiscard]] bool encode_sparse_numbers(ElementType type, ByteSpan numbers, ByteSpan old,
                                         const SparseModels& models, number::SymbolWriter& writer,
                                         Bytes& out);

/// Fills `numbers` from such streams, or fails with `corrupt`. `scratch` is as long as `numbers`.
[[nodiscard]] Status decode_sparse_numbers(ElementType type, ByteSpan streams, ByteSpan old,
                                           const SparseModels& models, std::span<std::byte> numbers,
                                           std::span<std::byte> scratch);

}  // namespace strandline::delta
