#pragma once

#include <vector>

#include "base/bytes.h"
#include "delta/coder/coders.h"
#include "delta/format/header.h"
#include "delta/format/record.h"
#include "delta/info.h"
#include "delta/test/test_support.h"

// Deltas written record by record: each way to store something, whatever the encoder would choose.
namespace strandline::delta {

/// One pair and the delta that makes its new file.
struct GoldenPair {
    FilePair files;
    Bytes patch;
};

/// Collects the records of a delta and the new bytes they make.
class RecordWriter {
public:
    explicit RecordWriter(Bytes old_file, std::uint32_t segment_bytes = 1 << 20)
        : old_(std::move(old_file)), segment_bytes_(segment_bytes) {}

    [[nodiscard]] const Bytes& old_file() const { return old_; }
    [[nodiscard]] ByteSpan old_bytes(const OldRange& range) const;
    [[nodiscard]] std::uint64_t new_offset() const { return new_.size(); }
    [[nodiscard]] std::uint64_t expected() const { return cursor_.expected(new_offset()); }
    [[nodiscard]] const OldCursor& cursor() const { return cursor_; }

    void copy(const OldRange& source);
    void fill(std::byte value, std::size_t length);
    void raw(ByteSpan bytes);
    /// A block, which the payload makes of these windows of the old file.
    void coded(CoderId coder, ByteSpan block, std::vector<OldRange> windows, ByteSpan payload);
    /// A block, which the payload makes of this view of the old file.
    void viewed(CoderId coder, ByteSpan block, const OldView& view, ByteSpan payload);
    /// Features beside those of coders and scripts.
    void add_features(std::uint8_t features) { features_ |= features; }
    /// A script that makes `made`, and the records it names behind it; where copies of both
    /// leave the expected offset.
    void script(ByteSpan records, ByteSpan made, const OldCursor& cursor);

    /// Ends a segment, which the last one need not be; but for the last one it must be full.
    void end_segment();

    /// The delta of it all with a long prologue, or a short one.
    [[nodiscard]] GoldenPair finish(const char* name, bool short_prologue);

private:
    Bytes old_;
    Bytes new_;
    Bytes records_;
    std::uint32_t segment_bytes_;
    std::uint8_t features_ =
        feature_numbers | feature_factors | feature_lzma | feature_mixer | feature_scripts;
    std::vector<IndexEntry> ended_;
    std::size_t ended_records_ = 0;  // bytes
    OldCursor cursor_;
};

/// Every type, method, memory and prediction of numbers.
[[nodiscard]] GoldenPair every_number();
[[nodiscard]] GoldenPair every_prediction();
/// Every other coder in all its forms, scripts in all theirs, and several segments.
[[nodiscard]] GoldenPair every_block();
[[nodiscard]] GoldenPair every_script();
[[nodiscard]] GoldenPair several_segments();
/// Tensors with other axes or of another type.
[[nodiscard]] GoldenPair every_view();
/// Segments that take their places in the old file, the first or the last one first.
[[nodiscard]] GoldenPair in_place_upwards();
[[nodiscard]] GoldenPair in_place_downwards();

}  // namespace strandline::delta
