#pragma once

#include "base/result.h"
#include "delta/breakdown.h"
#include "delta/format/record.h"

namespace strandline::delta {

/// Enough of the body of a coded record for coding_of(): windows, or the scales of a view.
inline constexpr std::size_t coding_head_bytes = 512 + max_view_scales * sizeof(float);

/// How a block is coded; the payload may be cut as above. `corrupt` when its head ends early or
/// names what this program does not know.
[[nodiscard]] Result<Coding> coding_of(const CodedRecord& record);

}  // namespace strandline::delta
