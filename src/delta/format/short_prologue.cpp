#include "delta/format/short_prologue.h"

#include <algorithm>

#include "delta/format/crc32c.h"
#include "delta/format/varint.h"

namespace strandline::delta {
namespace {

// In place of the major version: that with the top bit set.
constexpr std::byte short_major{0x80 | format_major};
constexpr std::size_t major_offset = 4;
constexpr std::size_t length_offset = 5;
constexpr std::size_t crc_bytes = 4;
// Of a digest: more than chance, or somebody who tries, can get by.
constexpr std::uint8_t short_sha256_bytes = 16;
// Segments are multiples of this.
constexpr std::uint32_t segment_unit = min_segment_bytes;
constexpr std::uint32_t max_segment_units = max_segment_bytes / segment_unit;  // stored as 0
constexpr std::uint32_t max_stored_units = 255;

Error damaged(const char* what) {
    return fail(Errc::corrupt, std::string("delta header is damaged: ") + what);
}

std::uint32_t small(std::uint64_t value) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, UINT32_MAX));
}

Sha256Digest take_digest(FieldReader& in) {
    Sha256Digest digest;
    std::ranges::copy(in.take(short_sha256_bytes), digest.bytes.begin());
    return digest;
}

DeltaInfo take_info(FieldReader& in) {
    DeltaInfo info;
    info.features = in.byte();
    const std::uint32_t units = in.byte();
    info.segment_bytes = (units == 0 ? max_segment_units : units) * segment_unit;
    info.old_size = in.varint();
    info.new_size = info.old_size + static_cast<std::uint64_t>(unzigzag(in.varint()));
    info.old_sha256 = take_digest(in);
    info.new_sha256 = take_digest(in);
    info.old_sha256_bytes = info.new_sha256_bytes = short_sha256_bytes;
    info.record_bytes = small(in.varint());
    info.block_bytes = small(in.varint());
    info.reference_bytes = small(in.varint());
    return info;
}

}  // namespace

bool has_short_prologue(ByteSpan start) { return start[major_offset] == short_major; }

Result<std::size_t> short_prologue_bytes(ByteSpan start) {
    const std::size_t length = load_le<std::uint16_t>(start.subspan(length_offset, 2));
    if (length < prologue_start_bytes + crc_bytes || length > max_short_prologue_bytes)
        return damaged("its length is out of range");
    return length;
}

Result<ShortPrologue> parse_short_prologue(ByteSpan prologue) {
    const auto content = prologue.first(prologue.size() - crc_bytes);
    if (crc32c(content) != load_le<std::uint32_t>(prologue.last(crc_bytes)))
        return damaged("checksum differs");
    FieldReader in(content.subspan(length_offset + 2));
    ShortPrologue result;
    DeltaInfo& info = result.info;
    info = take_info(in);
    info.short_prologue_bytes = static_cast<std::uint32_t>(prologue.size());
    info.patch_size = prologue.size();
    if (!in.ok() || info.new_size > max_file_bytes || info.segments() > in.left())
        return damaged("a size is out of range");
    std::vector<IndexEntry> index;
    for (std::uint64_t segment = 0; segment < info.segments(); ++segment) {
        IndexEntry entry;
        entry.encoded_bytes = small(in.varint());
        const auto crc = in.take(crc_bytes);
        if (!in.ok()) return damaged("its index is too short");
        entry.output_crc32c = load_le<std::uint32_t>(crc);
        info.patch_size += entry.encoded_bytes;
        index.push_back(entry);
    }
    if (in.left() != 0) return damaged("its index is too long");
    result.index = write_index(index);
    info.index_crc32c = crc32c(result.index);
    info.decoder_memory = small(required_memory(info));
    TRY(check_fields(info));
    return result;
}

std::optional<Bytes> write_short_prologue(DeltaInfo& info, const std::vector<IndexEntry>& index) {
    if (info.body != BodyKind::segments || info.segment_bytes % segment_unit != 0 ||
        (info.segment_bytes / segment_unit > max_stored_units &&
         info.segment_bytes != max_segment_bytes))
        return std::nullopt;
    Bytes out = magic_bytes();
    out.push_back(short_major);
    append_le(out, std::uint16_t{0});
    out.push_back(static_cast<std::byte>(info.features));
    out.push_back(static_cast<std::byte>(info.segment_bytes / segment_unit % max_segment_units));
    append_varint(out, info.old_size);
    append_varint(out, zigzag(static_cast<std::int64_t>(info.new_size - info.old_size)));
    for (const auto* digest : {&info.old_sha256, &info.new_sha256})
        out.insert(out.end(), digest->bytes.begin(), digest->bytes.begin() + short_sha256_bytes);
    append_varint(out, info.record_bytes);
    append_varint(out, info.block_bytes);
    append_varint(out, info.reference_bytes);
    std::uint64_t body_bytes = 0;
    for (const auto& entry : index) {
        append_varint(out, entry.encoded_bytes);
        append_le(out, entry.output_crc32c);
        body_bytes += entry.encoded_bytes;
    }
    const std::size_t length = out.size() + crc_bytes;
    if (length > max_short_prologue_bytes) return std::nullopt;
    store_le(static_cast<std::uint16_t>(length), std::span(out).subspan(length_offset, 2));
    append_le(out, crc32c(out));
    info.short_prologue_bytes = static_cast<std::uint32_t>(length);
    info.patch_size = length + body_bytes;
    info.decoder_memory = small(required_memory(info));
    return out;
}

}  // namespace strandline::delta
