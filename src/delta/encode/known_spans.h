#pragma once

#include <cstdint>
#include <vector>

#include "delta/layout/tensor.h"

namespace strandline::delta {

/// A stretch of the new file of which it is known where it comes from.
struct KnownSpan {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t old_begin = 0;
    bool equal = false;  ///< the same bytes; else numbers that are alike

    /// Old offset minus new offset, modulo 2^64.
    [[nodiscard]] std::uint64_t shift() const { return old_begin - begin; }
};

/// Stretches of the tensors whose relatives are sure: sorted, apart from each other.
[[nodiscard]] std::vector<KnownSpan> known_spans(const FileMatch& found);

/// Parts of the old file that no span comes from, sorted.
struct OldStretch {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};
[[nodiscard]] std::vector<OldStretch> unaligned_old(const std::vector<KnownSpan>& spans,
                                                    std::uint64_t old_size);

}  // namespace strandline::delta
