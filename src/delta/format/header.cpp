#include "delta/format/header.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>

#include "delta/coder/lzma_codec.h"
#include "delta/format/crc32c.h"
#include "delta/format/script.h"
#include "delta/format/short_prologue.h"

namespace strandline::delta {
namespace {

// "SLD" and a control-Z, which ends a text listing on systems that still care.
constexpr std::array<std::byte, 4> magic{std::byte{'S'}, std::byte{'L'}, std::byte{'D'},
                                         std::byte{0x1a}};
constexpr std::size_t crc_offset = header_bytes - sizeof(std::uint32_t);

Sha256Digest digest_at(ByteSpan header, std::size_t offset) {
    Sha256Digest digest;
    std::ranges::copy(header.subspan(offset, digest.bytes.size()), digest.bytes.begin());
    return digest;
}

Error damaged(const char* what) {
    return fail(Errc::corrupt, fmt::format("delta header is damaged: {}", what));
}

Error ends_early() { return fail(Errc::corrupt, "delta ends within its header"); }

bool sizes_in_range(const DeltaInfo& info) {
    return info.old_size <= max_file_bytes && info.new_size <= max_file_bytes &&
           info.patch_size <= max_file_bytes && info.segment_bytes >= min_segment_bytes &&
           info.segment_bytes <= max_segment_bytes && info.block_bytes <= max_block_bytes &&
           info.reference_bytes <= max_block_bytes &&
           info.record_bytes <= max_block_bytes + record_overhead_bytes;
}

bool starts_alike(const Sha256Digest& a, const Sha256Digest& b, std::size_t bytes) {
    return std::equal(a.bytes.begin(), a.bytes.begin() + static_cast<std::ptrdiff_t>(bytes),
                      b.bytes.begin());
}

}  // namespace

Bytes magic_bytes() { return {magic.begin(), magic.end()}; }

Status check_fields(const DeltaInfo& info) {
    if (info.body != BodyKind::segments && info.body != BodyKind::frame) {
        return fail(Errc::invalid,
                    fmt::format("delta body kind {} is unknown to this program: update it",
                                static_cast<int>(info.body)));
    }
    if ((info.features & ~known_features) != 0) {
        return fail(Errc::invalid,
                    fmt::format("delta needs features {:#x}, unknown to this program: update it",
                                info.features));
    }
    const bool in_place = (info.features & feature_in_place) != 0;
    if (!in_place && (info.features & feature_downwards) != 0)
        return damaged("it has a direction without being for application in place");
    if (in_place && info.body != BodyKind::segments)
        return damaged("one frame cannot be applied in place");
    if (!sizes_in_range(info)) return damaged("a size is out of range");
    if (info.patch_size < info.prologue_bytes()) return damaged("it is longer than the delta");
    if (info.decoder_memory < required_memory(info))
        return damaged("it declares too little memory");
    return {};
}

bool DeltaInfo::is_old(const Sha256Digest& digest) const {
    return starts_alike(digest, old_sha256, old_sha256_bytes);
}

bool DeltaInfo::is_new(const Sha256Digest& digest) const {
    return starts_alike(digest, new_sha256, new_sha256_bytes);
}

void DeltaInfo::complete(const Sha256Digest& digest) {
    new_sha256 = digest;
    new_sha256_bytes = static_cast<std::uint8_t>(digest.bytes.size());
}

std::string DeltaInfo::old_sha256_text() const {
    return old_sha256.hex().substr(0, std::size_t{2} * old_sha256_bytes);
}

std::string DeltaInfo::new_sha256_text() const {
    return new_sha256.hex().substr(0, std::size_t{2} * new_sha256_bytes);
}

std::uint64_t DeltaInfo::segments() const {
    if (body == BodyKind::frame || segment_bytes == 0) return 0;
    return (new_size + segment_bytes - 1) / segment_bytes;
}

std::uint64_t DeltaInfo::prologue_bytes() const {
    if (short_prologue_bytes != 0) return short_prologue_bytes;
    return header_bytes + segments() * index_entry_bytes;
}

std::uint64_t required_memory(const DeltaInfo& info) {
    const std::uint64_t stream = info.body == BodyKind::frame ? zstd_stream_bytes : 0;
    const std::uint64_t numbers =
        ((info.features & feature_numbers) != 0 ? number_models_bytes : 0) +
        ((info.features & feature_factors) != 0 ? factors_bytes : 0) +
        ((info.features & feature_mixer) != 0 ? mixer_bytes : 0);
    // LZMA has a dictionary of its own.
    const std::uint64_t lzma =
        (info.features & feature_lzma) != 0
            ? std::uint64_t{lzma_context_bytes} + info.block_bytes + info.reference_bytes
            : 0;
    // Literals and control bytes.
    const std::uint64_t scripts = (info.features & feature_scripts) != 0
                                      ? std::uint64_t{max_control_bytes} + info.block_bytes
                                      : 0;
    return std::uint64_t{copy_window_bytes} + zstd_context_bytes + numbers + lzma + scripts +
           stream + info.segments() * index_entry_bytes + info.record_bytes +
           2 * std::uint64_t{info.block_bytes} + info.reference_bytes;
}

Bytes write_header(const DeltaInfo& info) {
    Bytes out(magic.begin(), magic.end());
    out.reserve(header_bytes);
    append_le(out, info.major);
    append_le(out, info.minor);
    append_le(out, static_cast<std::uint32_t>(static_cast<std::uint32_t>(info.body) |
                                              std::uint32_t{info.features} << 8));
    append_le(out, info.segment_bytes);
    append_le(out, info.old_size);
    out.insert(out.end(), info.old_sha256.bytes.begin(), info.old_sha256.bytes.end());
    append_le(out, info.new_size);
    out.insert(out.end(), info.new_sha256.bytes.begin(), info.new_sha256.bytes.end());
    append_le(out, info.patch_size);
    append_le(out, info.decoder_memory);
    append_le(out, info.record_bytes);
    append_le(out, info.block_bytes);
    append_le(out, info.reference_bytes);
    append_le(out, info.index_crc32c);
    append_le(out, crc32c(out));
    return out;
}

Result<DeltaInfo> parse_header(ByteSpan header) {
    if (header.size() < prologue_start_bytes) return ends_early();
    if (!std::ranges::equal(header.first(magic.size()), magic)) {
        return fail(Errc::invalid, "this is not a strandline delta");
    }
    if (has_short_prologue(header)) {
        TRY(const auto length, short_prologue_bytes(header));
        if (header.size() < length) return ends_early();
        TRY(auto prologue, parse_short_prologue(header.first(length)));
        return prologue.info;
    }
    if (header.size() < header_bytes) return ends_early();
    header = header.first(header_bytes);
    DeltaInfo info;
    info.major = load_le<std::uint16_t>(header.subspan(4, 2));
    info.minor = load_le<std::uint16_t>(header.subspan(6, 2));
    if (info.major != format_major) {
        return fail(Errc::invalid,
                    fmt::format("delta format {}.{} is unknown to this program, which "
                                "reads {}.x: update it",
                                info.major, info.minor, format_major));
    }
    if (crc32c(header.first(crc_offset)) != load_le<std::uint32_t>(header.subspan(crc_offset, 4))) {
        return damaged("checksum differs");
    }
    const auto body = load_le<std::uint32_t>(header.subspan(8, 4));
    if (body > 0xffff) return damaged("reserved bits are set");
    info.body = static_cast<BodyKind>(body & 0xff);
    info.features = static_cast<std::uint8_t>(body >> 8);
    info.segment_bytes = load_le<std::uint32_t>(header.subspan(12, 4));
    info.old_size = load_le<std::uint64_t>(header.subspan(16, 8));
    info.old_sha256 = digest_at(header, 24);
    info.new_size = load_le<std::uint64_t>(header.subspan(56, 8));
    info.new_sha256 = digest_at(header, 64);
    info.patch_size = load_le<std::uint64_t>(header.subspan(96, 8));
    info.decoder_memory = load_le<std::uint32_t>(header.subspan(104, 4));
    info.record_bytes = load_le<std::uint32_t>(header.subspan(108, 4));
    info.block_bytes = load_le<std::uint32_t>(header.subspan(112, 4));
    info.reference_bytes = load_le<std::uint32_t>(header.subspan(116, 4));
    info.index_crc32c = load_le<std::uint32_t>(header.subspan(120, 4));
    TRY(check_fields(info));
    return info;
}

Result<DeltaInfo> read_info(const ReadAt& patch) {
    if (patch.size() < prologue_start_bytes) return ends_early();
    std::array<std::byte, prologue_start_bytes> start{};
    TRY(patch.read_at(0, start));
    std::size_t length = header_bytes;
    if (has_short_prologue(start)) {
        TRY(length, short_prologue_bytes(start));
    }
    if (patch.size() < length) return ends_early();
    Bytes header(length);
    TRY(patch.read_at(0, header));
    return parse_header(header);
}

Bytes write_index(const std::vector<IndexEntry>& index) {
    Bytes out;
    out.reserve(index.size() * index_entry_bytes);
    for (const auto& entry : index) {
        append_le(out, entry.encoded_bytes);
        append_le(out, entry.output_crc32c);
    }
    return out;
}

IndexEntry index_entry(ByteSpan index, std::uint64_t segment) {
    const auto entry =
        index.subspan(static_cast<std::size_t>(segment) * index_entry_bytes, index_entry_bytes);
    return {load_le<std::uint32_t>(entry.first(4)), load_le<std::uint32_t>(entry.subspan(4, 4))};
}

Status check_index(const DeltaInfo& info, ByteSpan index) {
    if (index.size() != info.segments() * index_entry_bytes || crc32c(index) != info.index_crc32c) {
        return fail(Errc::corrupt, "delta segment index is damaged: checksum differs");
    }
    std::uint64_t end = info.prologue_bytes();
    for (std::uint64_t segment = 0; segment < info.segments(); ++segment) {
        end += index_entry(index, segment).encoded_bytes;
    }
    if (info.body == BodyKind::segments && end != info.patch_size) {
        return fail(Errc::corrupt, "delta segment index is damaged: sizes do not add up");
    }
    return {};
}

}  // namespace strandline::delta
