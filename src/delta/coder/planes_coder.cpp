#include "delta/coder/planes_coder.h"

#include <algorithm>

#include "delta/coder/byte_stream.h"
#include "delta/format/varint.h"

namespace strandline::delta {
namespace {

constexpr unsigned transform_shift = 2;
constexpr unsigned skip_shift = 4;
constexpr std::uint8_t known_mode_bits = 0x7f;

Error malformed(const char* what) {
    return fail(Errc::corrupt, std::string("delta has a malformed plane block: ") + what);
}

}  // namespace

WordLayout layout_of(std::size_t size, const PlaneMode& mode) {
    const std::size_t skip = std::min<std::size_t>(mode.skip, size);
    const std::size_t words = (size - skip) >> mode.word_log << mode.word_log;
    return {skip, words, size - skip - words};
}

std::byte mode_byte(const PlaneMode& mode) {
    return static_cast<std::byte>(mode.word_log |
                                  static_cast<unsigned>(mode.transform) << transform_shift |
                                  static_cast<unsigned>(mode.skip) << skip_shift);
}

Result<PlaneMode> read_mode(FieldReader& in) {
    const std::uint8_t byte = in.byte();
    PlaneMode mode;
    mode.word_log = byte & 3;
    mode.transform = static_cast<Transform>(byte >> transform_shift & 3);
    mode.skip = byte >> skip_shift & 7;
    if (!in.ok() || (byte & ~known_mode_bits) != 0) return malformed("unknown mode");
    if (mode.transform > Transform::difference) return malformed("unknown transform");
    if (mode.skip >= 1u << mode.word_log) return malformed("skip is longer than a word");
    return mode;
}

void encode_planes(ByteSpan block, ByteSpan old, const PlaneMode& mode, ZstdEncoder& zstd,
                   std::span<std::byte> scratch, Bytes& out) {
    const WordLayout layout = layout_of(block.size(), mode);
    out.push_back(mode_byte(mode));
    if (mode.transform == Transform::none) {
        old = {};
    } else {
        old = old.subspan(layout.skip, layout.words);
    }
    const auto planes = scratch.first(layout.words);
    split_planes(block.subspan(layout.skip, layout.words), old, mode.transform, mode.word_log,
                 planes);
    const std::size_t plane_bytes = layout.words >> mode.word_log;
    for (std::size_t start = 0; start < planes.size(); start += plane_bytes) {
        append_stream(planes.subspan(start, plane_bytes), zstd, out);
    }
    const auto head = block.first(layout.skip);
    const auto tail = block.last(layout.tail);
    out.insert(out.end(), head.begin(), head.end());
    out.insert(out.end(), tail.begin(), tail.end());
}

Status decode_planes(ByteSpan payload, ByteSpan old, ZstdDecoder& zstd, std::span<std::byte> block,
                     std::span<std::byte> scratch) {
    FieldReader in(payload);
    TRY(const PlaneMode mode, read_mode(in));
    const std::size_t old_bytes = mode.transform == Transform::none ? 0 : block.size();
    if (old.size() != old_bytes) return malformed("old bytes do not fit");
    const WordLayout layout = layout_of(block.size(), mode);
    const auto planes = scratch.first(layout.words);
    const std::size_t plane_bytes = layout.words >> mode.word_log;
    for (std::size_t start = 0; start < planes.size(); start += plane_bytes) {
        TRY(read_stream(in, zstd, planes.subspan(start, plane_bytes)));
    }
    const auto head = in.take(layout.skip);
    const auto tail = in.take(layout.tail);
    if (!in.ok() || in.left() != 0) return malformed("its length does not fit");
    std::ranges::copy(head, block.begin());
    std::ranges::copy(tail, block.last(layout.tail).begin());
    if (!old.empty()) old = old.subspan(layout.skip, layout.words);
    join_planes(planes, old, mode.transform, mode.word_log,
                block.subspan(layout.skip, layout.words));
    return {};
}

}  // namespace strandline::delta
