#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "delta/encode.h"
#include "delta/encode/known_spans.h"
#include "delta/encode/part_view.h"
#include "delta/layout/tensor.h"
#include "delta/number/fold.h"

namespace strandline::delta {

/// Batch normalisation that is folded into a part; its old numbers are the weights, or the betas.
struct FoldedPart {
    number::NormFold fold;      ///< of all channels
    std::uint64_t columns = 1;  ///< neighbours of one channel
    /// Where fold.arrays() arrays stand in the old file, in the order of number::fold_norm().
    std::array<std::uint64_t, 4> arrays{};
};

/// A stretch of the new file that holds numbers of one kind.
struct TensorPart {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    ElementType type = ElementType::opaque;
    /// Where the old values start, in the same order; nothing when there are none.
    std::optional<std::uint64_t> old_begin;
    /// Numbers of one row, the first axis: what shares a scale. 0 when there are no rows. Small
    /// tensors may follow the last row.
    std::uint64_t columns = 0;
    /// Length of the last axis; 0 when that is not known.
    std::uint64_t last_columns = 0;
    std::optional<FoldedPart> folded;
    /// In the place of old_begin: where the old values are, in another order or type.
    std::optional<PartView> view;
    /// Which of TensorPlan::kinds it is of, if there are several of that.
    std::optional<std::uint32_t> kind;
};

/// What is known of the new file before it is coded.
struct TensorPlan {
    /// Sorted, without overlaps. Neighbours of one kind with neighbouring old values are one part.
    std::vector<TensorPart> parts;
    /// The first part of each kind: those of one type and of rows of one length.
    std::vector<TensorPart> kinds;
    /// Where to look for equal bytes.
    std::vector<KnownSpan> spans;
    TensorCounts counts;
};

/// `meter` is told of the work, and may end it.
[[nodiscard]] TensorPlan plan_tensors(ByteSpan old_file, ByteSpan new_file, WorkMeter& meter);

/// Fills `kinds` and the parts' `kind`.
void find_kinds(TensorPlan& plan);

/// The part that `offset` is in, or else the next one; null behind the last.
[[nodiscard]] const TensorPart* part_at(const std::vector<TensorPart>& parts, std::uint64_t offset);

}  // namespace strandline::delta
