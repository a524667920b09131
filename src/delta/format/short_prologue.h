#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/format/header.h"
#include "delta/info.h"

namespace strandline::delta {

// Small deltas have header and segment index in one, with fields as long as they need to be:
// format.md section 2.2.

/// Enough of a delta to tell how long its prologue is.
inline constexpr std::size_t prologue_start_bytes = 8;
inline constexpr std::size_t max_short_prologue_bytes = 8u << 10;

/// Whether a delta that starts so has a short prologue. `start` holds prologue_start_bytes.
[[nodiscard]] bool has_short_prologue(ByteSpan start);
/// Its length; `corrupt` when that is out of range.
[[nodiscard]] Result<std::size_t> short_prologue_bytes(ByteSpan start);

struct ShortPrologue {
    DeltaInfo info;
    Bytes index;  ///< as of the long form
};
/// Reads and checks a whole short prologue.
[[nodiscard]] Result<ShortPrologue> parse_short_prologue(ByteSpan prologue);

/// The short prologue of a delta of segments, or nothing when it cannot have one. Sets its length
/// and that of the delta in `info`.
[[nodiscard]] std::optional<Bytes> write_short_prologue(DeltaInfo& info,
                                                        const std::vector<IndexEntry>& index);

}  // namespace strandline::delta
