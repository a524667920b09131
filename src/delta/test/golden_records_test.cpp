#include "delta/test/golden_records.h"

#include "delta/format/crc32c.h"
#include "delta/format/short_prologue.h"

namespace strandline::delta {

ByteSpan RecordWriter::old_bytes(const OldRange& range) const {
    return ByteSpan(old_).subspan(static_cast<std::size_t>(range.offset),
                                  static_cast<std::size_t>(range.length));
}

void RecordWriter::copy(const OldRange& source) {
    append_copy(records_, source, expected());
    cursor_.moved(new_offset(), source.offset);
    const auto bytes = old_bytes(source);
    new_.insert(new_.end(), bytes.begin(), bytes.end());
}

void RecordWriter::fill(std::byte value, std::size_t length) {
    append_fill(records_, value, length);
    new_.insert(new_.end(), length, value);
}

void RecordWriter::raw(ByteSpan bytes) {
    append_raw(records_, bytes);
    new_.insert(new_.end(), bytes.begin(), bytes.end());
}

void RecordWriter::coded(CoderId coder, ByteSpan block, std::vector<OldRange> windows,
                         ByteSpan payload) {
    CodedRecord record;
    record.coder = static_cast<std::uint8_t>(coder);
    record.length = block.size();
    record.windows = std::move(windows);
    record.payload = payload;
    append_coded(records_, record, expected());
    new_.insert(new_.end(), block.begin(), block.end());
}

void RecordWriter::viewed(CoderId coder, ByteSpan block, const OldView& view, ByteSpan payload) {
    CodedRecord record;
    record.coder = static_cast<std::uint8_t>(coder);
    record.length = block.size();
    record.view = view;
    record.payload = payload;
    append_coded(records_, record, expected());
    new_.insert(new_.end(), block.begin(), block.end());
}

void RecordWriter::script(ByteSpan records, ByteSpan made, const OldCursor& cursor) {
    records_.insert(records_.end(), records.begin(), records.end());
    cursor_ = cursor;
    new_.insert(new_.end(), made.begin(), made.end());
}

void RecordWriter::end_segment() {
    const std::size_t begin = ended_.size() * segment_bytes_;
    ended_.push_back({static_cast<std::uint32_t>(records_.size() - ended_records_),
                      crc32c(ByteSpan(new_).subspan(begin))});
    ended_records_ = records_.size();
    cursor_ = {};
}

GoldenPair RecordWriter::finish(const char* name, bool short_prologue) {
    if (records_.size() > ended_records_) end_segment();
    DeltaInfo info;
    info.features = features_;
    info.segment_bytes = segment_bytes_;
    info.old_size = old_.size();
    info.old_sha256 = sha256(old_);
    info.new_size = new_.size();
    info.new_sha256 = sha256(new_);
    info.record_bytes = info.block_bytes = info.reference_bytes = 64 << 10;
    info.patch_size = info.prologue_bytes() + records_.size();
    info.decoder_memory = static_cast<std::uint32_t>(required_memory(info));
    const FilePair files{name, old_, new_};
    if (short_prologue) {
        if (const auto prologue = write_short_prologue(info, ended_))
            return {files, concatenated({*prologue, records_})};
    }
    const Bytes index = write_index(ended_);
    info.index_crc32c = crc32c(index);
    return {files, concatenated({write_header(info), index, records_})};
}

}  // namespace strandline::delta
