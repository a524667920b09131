#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/apply/script_player.h"
#include "delta/coder/coders.h"
#include "delta/format/old_access.h"
#include "delta/format/record.h"
#include "delta/info.h"
#include "delta/io.h"

namespace strandline::delta {

/// Makes the output of segments, record by record. Its buffers are allocated once, as the header
/// declares.
class SegmentDecoder {
public:
    /// All are borrowed.
    SegmentDecoder(const DeltaInfo& info, const ReadAt& old_file, Sink& output);

    /// Starts the segment whose output is `length` bytes at `new_offset`.
    void begin(std::uint64_t new_offset, std::uint64_t length);

    /// Carries out one record. Unknown kinds are `invalid`; what does not fit the segment, the old
    /// file or the header is `corrupt`.
    [[nodiscard]] Status run(std::uint8_t kind, ByteSpan body);

    /// Checks that the segment is complete and has this CRC.
    [[nodiscard]] Status end(std::uint32_t expected_crc32c) const;

private:
    Status run_record(std::uint8_t kind, ByteSpan body);
    Status run_copy(ByteSpan body);
    Status run_script(ByteSpan body);
    Status play();
    Status copy(OldRange source);
    Status run_fill(ByteSpan body);
    Status run_raw(ByteSpan body);
    Status run_coded(ByteSpan body);
    Result<ByteSpan> read_reference(const CodedRecord& record);
    Result<ByteSpan> read_windows(const std::vector<OldRange>& windows);
    Status check_source(const OldRange& source) const;
    Status check_room(std::uint64_t length) const;
    Status emit(ByteSpan bytes);

    const DeltaInfo* info_;
    const ReadAt* old_file_;
    Sink* output_;
    BlockDecoders coders_;
    ScriptPlayer script_;
    OldRange at_hand_;         // of the old file
    std::uint64_t until_ = 0;  // new offset where the script goes on
    OldCursor cursor_;
    std::uint64_t new_offset_ = 0;  // of the next byte
    std::uint64_t left_ = 0;        // bytes of this segment still to come
    std::uint32_t crc_ = 0;
    Bytes window_;     // one piece of a copy or fill
    Bytes block_;      // output of a coder
    Bytes scratch_;    // a coder's own
    Bytes reference_;  // old windows of a coder
};

}  // namespace strandline::delta
