#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "delta/encode/match_finder.h"
#include "delta/format/record.h"

namespace strandline::delta {

/// Chooses the old bytes that a block of the new file is most likely to resemble: around its short
/// matches, and at the expected shift.
struct WindowRequest {
    std::uint64_t begin = 0;  ///< of the block, in the new file
    std::uint64_t end = 0;
    std::uint64_t shift = 0;         ///< expected; modulo 2^64
    std::span<const Match> matches;  ///< sorted; those outside of the block are ignored
    std::uint64_t old_size = 0;
    OldRange at_hand{0, UINT64_MAX};  ///< of the old file
    std::uint64_t max_bytes = 0;      ///< of all windows together
};

/// Windows within the old file, sorted, apart from each other, at most max_windows of them.
[[nodiscard]] std::vector<OldRange> choose_windows(const WindowRequest& request);

}  // namespace strandline::delta
