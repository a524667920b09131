#include "delta/apply/segment_decoder.h"

#include <algorithm>
#include <fmt/core.h>

#include "delta/coder/view_reader.h"
#include "delta/format/crc32c.h"
#include "delta/format/header.h"

namespace strandline::delta {

SegmentDecoder::SegmentDecoder(const DeltaInfo& info, const ReadAt& old_file, Sink& output)
    : info_(&info),
      old_file_(&old_file),
      output_(&output),
      coders_(info.features),
      script_(info, old_file),
      window_(copy_window_bytes),
      block_(info.block_bytes),
      scratch_(info.block_bytes),
      reference_(info.reference_bytes) {}

void SegmentDecoder::begin(std::uint64_t new_offset, std::uint64_t length) {
    cursor_ = {};
    at_hand_ = old_access(*info_).at(new_offset);
    script_.reset(at_hand_);
    coders_.begin_segment();
    new_offset_ = new_offset;
    left_ = length;
    crc_ = 0;
}

Status SegmentDecoder::run(std::uint8_t kind, ByteSpan body) {
    TRY(run_record(kind, body));
    if (!script_.active() || new_offset_ < until_) return {};
    if (new_offset_ > until_) return fail(Errc::corrupt, "delta records do not fit their script");
    return play();
}

Status SegmentDecoder::run_record(std::uint8_t kind, ByteSpan body) {
    switch (static_cast<RecordKind>(kind)) {
        case RecordKind::copy:
            return run_copy(body);
        case RecordKind::fill:
            return run_fill(body);
        case RecordKind::raw:
            return run_raw(body);
        case RecordKind::coded:
            return run_coded(body);
        case RecordKind::script:
            return run_script(body);
    }
    return fail(Errc::invalid,
                fmt::format("delta uses record kind {}, unknown to this program: update it", kind));
}

Status SegmentDecoder::end(std::uint32_t expected_crc32c) const {
    if (left_ != 0 || script_.active())
        return fail(Errc::corrupt, "delta segment ends before its output is complete");
    if (crc_ != expected_crc32c) {
        return fail(Errc::corrupt,
                    "output of a delta segment has a wrong checksum: the delta or the "
                    "old file is damaged");
    }
    return {};
}

Status SegmentDecoder::run_copy(ByteSpan body) {
    TRY(const CopyRecord record, parse_copy(body, cursor_.expected(new_offset_)));
    return copy(record.source);
}

Status SegmentDecoder::copy(OldRange source) {
    TRY(check_source(source));
    TRY(check_room(source.length));
    cursor_.moved(new_offset_, source.offset);
    while (source.length > 0) {
        const auto piece = std::span(window_).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(source.length, window_.size())));
        if (const auto there = old_file_->view(source.offset, piece.size()); !there.empty()) {
            TRY(emit(there));
        } else {
            TRY(old_file_->read_at(source.offset, piece));
            TRY(emit(piece));
        }
        source.offset += piece.size();
        source.length -= piece.size();
    }
    return {};
}

Status SegmentDecoder::run_fill(ByteSpan body) {
    TRY(FillRecord record, parse_fill(body));
    TRY(check_room(record.length));
    std::ranges::fill(window_, record.value);
    while (record.length > 0) {
        const auto piece = ByteSpan(window_).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(record.length, window_.size())));
        TRY(emit(piece));
        record.length -= piece.size();
    }
    return {};
}

Status SegmentDecoder::run_raw(ByteSpan body) {
    if (body.empty()) return fail(Errc::corrupt, "delta has a malformed raw record");
    TRY(check_room(body.size()));
    return emit(body);
}

Status SegmentDecoder::run_script(ByteSpan body) {
    TRY(script_.start(body, new_offset_, new_offset_ + left_, cursor_, reference_));
    until_ = new_offset_;
    return {};
}

// Carries out steps until one needs records.
Status SegmentDecoder::play() {
    for (;;) {
        TRY(const auto next, script_.next());
        TRY(emit(next.literals));
        switch (next.step.kind) {
            case ScriptStep::Kind::end:
                return {};
            case ScriptStep::Kind::records:
                until_ = new_offset_ + next.step.length;
                return {};
            case ScriptStep::Kind::copy:
                TRY(copy({next.step.old_offset, next.step.length}));
                break;
        }
    }
}

Status SegmentDecoder::run_coded(ByteSpan body) {
    TRY(const CodedRecord record, parse_coded(body, cursor_.expected(new_offset_)));
    TRY(BlockDecoder* const coder, coders_.find(record.coder));
    TRY(check_room(record.length));
    if (record.length > block_.size())
        return fail(Errc::corrupt, "delta block is longer than declared");
    TRY(const ByteSpan reference, read_reference(record));
    const auto size = static_cast<std::size_t>(record.length);
    const auto block = std::span(block_).first(size);
    TRY(coder->decode(record.payload, reference, block, std::span(scratch_).first(size)));
    return emit(block);
}

Result<ByteSpan> SegmentDecoder::read_reference(const CodedRecord& record) {
    if (!record.view) return read_windows(record.windows);
    const std::size_t one = element_size(record.view->to);
    if (record.length > reference_.size() || record.length % one != 0)
        return fail(Errc::corrupt, "delta refers to more old bytes than declared");
    TRY(check_view(*record.view, record.length / one, at_hand_));
    const auto out = std::span(reference_).first(static_cast<std::size_t>(record.length));
    TRY(read_view(*record.view, *old_file_, out, window_));
    return ByteSpan(out);
}

Result<ByteSpan> SegmentDecoder::read_windows(const std::vector<OldRange>& windows) {
    std::span<std::byte> room(reference_);
    for (const auto& window : windows) {
        TRY(check_source(window));
        if (window.length > room.size()) {
            return fail(Errc::corrupt, "delta block refers to more old bytes than declared");
        }
        const auto part = room.first(static_cast<std::size_t>(window.length));
        TRY(old_file_->read_at(window.offset, part));
        room = room.subspan(part.size());
    }
    return ByteSpan(reference_).first(reference_.size() - room.size());
}

Status SegmentDecoder::check_source(const OldRange& source) const {
    if (lies_within(source, at_hand_)) return {};
    return fail(Errc::corrupt, "delta refers to old bytes that are not there");
}

Status SegmentDecoder::check_room(std::uint64_t length) const {
    if (length > left_)
        return fail(Errc::corrupt, "delta makes more output than its segment holds");
    return {};
}

Status SegmentDecoder::emit(ByteSpan bytes) {
    if (bytes.empty()) return {};
    TRY(output_->write(bytes));
    crc_ = crc32c(bytes, crc_);
    new_offset_ += bytes.size();
    left_ -= bytes.size();
    return {};
}

}  // namespace strandline::delta
