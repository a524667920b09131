#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "delta/layout/tensor.h"

namespace strandline::delta {

/// Numbers of one type in a row, somewhere in a file.
struct NumberSpan {
    ElementType type = ElementType::f32;
    std::uint64_t offset = 0;  ///< bytes
    std::uint64_t bytes = 0;
};

/// A stretch of new numbers whose signs are those of old numbers.
struct AlignedSpan {
    std::uint64_t old_offset = 0;
    std::uint64_t new_offset = 0;
    std::uint64_t bytes = 0;
};

/// Finds where stretches of numbers moved to when others were put in or taken out before them:
/// training moves values, but few signs, so that rows of equal signs are anchors. Neither the old
/// nor the new parts of the result overlap. Linear in time; memory: 16 MiB at most.
[[nodiscard]] std::vector<AlignedSpan> align_by_signs(ByteSpan old_file,
                                                      const std::vector<NumberSpan>& old_spans,
                                                      ByteSpan new_file,
                                                      const std::vector<NumberSpan>& new_spans,
                                                      WorkMeter& meter);

}  // namespace strandline::delta
