#include "delta/apply/body_reader.h"

#include <algorithm>

#include "delta/format/header.h"
#include "delta/format/varint.h"

namespace strandline::delta {
namespace {

Error malformed(const char* what) {
    return fail(Errc::corrupt, std::string("delta is damaged: ") + what);
}

}  // namespace

SegmentReader::SegmentReader(const DeltaInfo& info, ByteSpan index, const ReadAt& old_file,
                             Sink& output, std::uint64_t first)
    : info_(&info), index_(index), decoder_(info, old_file, output) {
    record_.reserve(std::max<std::size_t>(info.record_bytes, max_record_head_bytes));
    go_to(first);
}

void SegmentReader::go_to(std::uint64_t segment) {
    progress_.segments = segment;
    progress_.patch_offset = info_->prologue_bytes();
    for (std::uint64_t before = 0; before < segment; ++before) {
        progress_.patch_offset += index_entry(index_, before).encoded_bytes;
    }
    progress_.output_offset = std::min(segment * info_->segment_bytes, info_->new_size);
    record_.clear();
    in_body_ = false;
    begin_segment();
}

void SegmentReader::begin_segment() {
    if (complete()) return;
    left_ = index_entry(index_, progress_.segments).encoded_bytes;
    const auto start = progress_.output_offset;
    decoder_.begin(start, std::min<std::uint64_t>(info_->segment_bytes, info_->new_size - start));
}

Status SegmentReader::end_segment() {
    if (in_body_ || !record_.empty()) return malformed("a segment ends within a record");
    const auto entry = index_entry(index_, progress_.segments);
    TRY(decoder_.end(entry.output_crc32c));
    progress_.segments += 1;
    progress_.patch_offset += entry.encoded_bytes;
    progress_.output_offset = std::min(progress_.segments * info_->segment_bytes, info_->new_size);
    begin_segment();
    return {};
}

Status SegmentReader::push(ByteSpan bytes) {
    while (!bytes.empty()) {
        if (complete()) return malformed("there are bytes after its end");
        const auto part =
            bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_)));
        if (part.empty()) return malformed("a segment is empty");
        TRY(const std::size_t taken, in_body_ ? take_body(part) : take_head(part));
        left_ -= taken;
        bytes = bytes.subspan(taken);
        if (left_ == 0) TRY(end_segment());
    }
    return {};
}

// Kind and length; the length tells how much to gather for the body.
Result<std::size_t> SegmentReader::take_head(ByteSpan bytes) {
    record_.push_back(bytes[0]);
    const bool length_ends = record_.size() > 1 && (bytes[0] & std::byte{0x80}) == std::byte{0};
    if (!length_ends) {
        if (record_.size() == max_record_head_bytes)
            return malformed("the length of a record is malformed");
        return std::size_t{1};
    }
    FieldReader in(record_);
    kind_ = in.byte();
    const std::uint64_t length = in.varint();
    if (length == 0 || length > info_->record_bytes) {
        return malformed("the length of a record is out of range");
    }
    body_bytes_ = static_cast<std::size_t>(length);
    in_body_ = true;
    record_.clear();
    return std::size_t{1};
}

Result<std::size_t> SegmentReader::take_body(ByteSpan bytes) {
    const auto part = bytes.first(std::min(bytes.size(), body_bytes_ - record_.size()));
    const bool whole = record_.empty() && part.size() == body_bytes_;
    if (!whole) record_.insert(record_.end(), part.begin(), part.end());
    if (!whole && record_.size() < body_bytes_) return part.size();
    TRY(decoder_.run(kind_, whole ? part : ByteSpan(record_)));
    in_body_ = false;
    record_.clear();
    return part.size();
}

FrameReader::FrameReader(const DeltaInfo& info, Sink& output)
    : info_(&info), output_(&output), zstd_(info.reference_bytes), window_(copy_window_bytes) {
    progress_.patch_offset = info.prologue_bytes();
}

Status FrameReader::push(ByteSpan bytes) {
    std::size_t made = 0;
    while (!bytes.empty() || made == window_.size()) {
        if (ended_) {
            if (!bytes.empty()) return malformed("there are bytes after its end");
            return {};
        }
        TRY(const auto step, zstd_.read(bytes, window_));
        made = step.made;
        made_ += made;
        if (made_ > info_->new_size) return malformed("it makes more output than declared");
        TRY(output_->write(ByteSpan(window_).first(made)));
        bytes = bytes.subspan(step.taken);
        ended_ = step.ended;
    }
    return {};
}

}  // namespace strandline::delta
