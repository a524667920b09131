#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/io.h"

namespace strandline::delta {

/// The new file in one zstd frame, without the old one: what a delta must never be worse than.
struct PlainOptions {
    int level = 19;
    unsigned window_log = 23;
    std::function<bool()> cancelled;
};

/// Size of the frame if it is at most `limit` bytes; gives up as soon as it is not.
[[nodiscard]] Result<std::optional<std::uint64_t>> plain_size(ByteSpan new_file,
                                                              std::uint64_t limit,
                                                              const PlainOptions& options);

/// Whether the frame has a chance to be smaller than `rival` bytes: samples at a fast level tell,
/// and slow levels never gain as much as a quarter on what hardly shrinks.
[[nodiscard]] bool plain_may_win(ByteSpan new_file, std::uint64_t rival);

/// By how much a slow level may be better than level 3 on this file, judged by samples of it: the
/// factor between their sizes and an allowance for matches far apart. Never below 1.
[[nodiscard]] double plain_gain(ByteSpan new_file);

/// Writes the frame at `offset`; its size.
[[nodiscard]] Result<std::uint64_t> write_plain(ByteSpan new_file, WriteAt& out,
                                                std::uint64_t offset, const PlainOptions& options);

}  // namespace strandline::delta
