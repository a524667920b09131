#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/breakdown.h"
#include "delta/encode/segment_encoder.h"

namespace strandline::delta {

/// All segments of a new file that are to be encoded.
struct SegmentJob {
    ByteSpan old_file;  ///< files and parts are borrowed
    ByteSpan new_file;
    BlockLimits limits;
    const TensorPlan* plan = nullptr;  ///< with old values that are at hand
    OldAccess access;
    std::uint32_t segment_bytes = 0;
    unsigned threads = 1;
    /// Gets the new bytes that are done, about; false: stop. On the caller's thread only.
    std::function<bool(std::uint64_t)> report = {};
};

struct SegmentTotals {
    BlockEncoder::Totals blocks;
    Breakdown breakdown;
};

/// A segment that is done: where it ends in the new file, its records and what they are, the CRC
/// of its output.
struct EncodedSegment {
    std::uint64_t end = 0;
    Bytes records;
    Breakdown breakdown;
    std::uint32_t output_crc32c = 0;
};

/// Encodes the segments on several threads, of which the caller's is one only when it is alone, and
/// hands them to `take` in order, on the caller's thread. The same segments for any number of
/// threads. At most two segments for each thread are done or under way at a time. Fails with
/// `cancelled`, or what `take` says.
[[nodiscard]] Result<SegmentTotals> encode_segments(
    const SegmentJob& job, const std::function<Status(EncodedSegment)>& take);

}  // namespace strandline::delta
