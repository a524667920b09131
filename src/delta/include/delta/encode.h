#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/sha256.h"
#include "delta/breakdown.h"
#include "delta/io.h"

namespace strandline::delta {

struct EncodeOptions {
    /// New bytes of one segment, 64 KiB to 4 MiB: what an interrupted transfer or a torn write
    /// costs. Deltas of a few KiB, and of files of many GiB, have segments of up to 64 MiB whatever
    /// is said here.
    std::uint32_t segment_bytes = std::uint32_t{4} << 20;
    /// zstd level of blocks where its match search pays, 1 to 19; 0 chooses by file size.
    int level = 0;
    /// The applier must get by with this much memory; at least 512 KiB.
    std::uint32_t max_decoder_memory = std::uint32_t{8} << 20;
    /// The new file may take the place of the old one in the same file (apply_in_place), for
    /// devices that have no room for both. Costs what has moved past where it was, at most.
    bool in_place = false;
    /// A delta larger than this share of the new file is not worth its effort on the device.
    double worthwhile_ratio = 0.97;
    /// Known hashes spare a pass over the file. A wrong one makes a delta that cannot be applied.
    std::optional<Sha256Digest> old_sha256;
    std::optional<Sha256Digest> new_sha256;
    /// Threads that work on segments, 1 to 64. One needs none but the caller's; the delta is the
    /// same for any number. Each takes about 25 MiB.
    unsigned threads = 1;
    /// The calling thread asks this several times a second; true ends the work with `cancelled`.
    std::function<bool()> cancelled;
    /// Called with how much of all work is done, in bytes of the new file, and with its size: only
    /// ever more, and all of it at the end; on the calling thread.
    std::function<void(std::uint64_t, std::uint64_t)> progress;
};

/// For devices that can spare 512 KiB to apply a delta. Costs about half a percent of its size, and
/// more where numbers follow a product of thin matrices, or scales: predictions take 2 MiB.
[[nodiscard]] EncodeOptions small_profile();

/// How the tensors of the new file were found in the old one. By name, content and place, and
/// those without a relative, are all of them.
struct TensorCounts {
    std::string container;  ///< kind of the new file ("onnx"), or "" when it is not known
    std::uint64_t old_tensors = 0;
    std::uint64_t new_tensors = 0;
    std::uint64_t by_name = 0;     ///< the relative has the same name
    std::uint64_t by_content = 0;  ///< it has other or no names, but equal or like numbers
    std::uint64_t by_place = 0;    ///< only its shape and order are the same
    std::uint64_t unmatched = 0;
    std::uint64_t equal = 0;  ///< of all: each byte is that of the relative
    std::uint64_t moved = 0;  ///< of all: the relative stands before that of an earlier tensor
};

struct EncodeStats {
    std::uint64_t patch_size = 0;
    std::uint64_t new_size = 0;
    /// Bytes of both by how they are coded; the same as read_breakdown() finds.
    Breakdown breakdown;
    TensorCounts tensors;
    std::uint32_t decoder_memory = 0;
    /// The whole new file compressed without the old one was smaller, and is what was written.
    bool without_old = false;
    /// Sending the full file is the better choice: the delta is not enough smaller.
    bool full_file_is_better = false;
};

/// Writes the delta that turns `old_file` into `new_file`. Both are borrowed until it returns and
/// may be memory-mapped files; they must not change meanwhile. Memory: about 40 MiB beside the
/// inputs. Blocking; any thread; several calls may run at once. Fails with `invalid` for options
/// out of range, `cancelled`, `exhausted` where memory is not to be had, or what `patch` says.
[[nodiscard]] Result<EncodeStats> make_delta(ByteSpan old_file, ByteSpan new_file, WriteAt& patch,
                                             const EncodeOptions& options = {});

}  // namespace strandline::delta
