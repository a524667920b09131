#include "delta/planes_coder.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "delta/varint.h"

namespace strandline::delta {
namespace {

enum class PlaneKind : std::uint8_t { raw = 0, zstd = 1, fill = 2 };

constexpr unsigned transform_shift = 2;
constexpr unsigned skip_shift = 4;
constexpr std::uint8_t known_mode_bits = 0x7f;

// Words, and the loose bytes before and after them.
struct Layout {
    std::size_t skip = 0;
    std::size_t words = 0;  // in bytes
    std::size_t tail = 0;
};

Layout layout_of(std::size_t size, const PlaneMode& mode) {
    const std::size_t skip = std::min<std::size_t>(mode.skip, size);
    const std::size_t words = (size - skip) >> mode.word_log << mode.word_log;
    return {skip, words, size - skip - words};
}

Error malformed(const char* what) {
    return fail(Errc::corrupt, std::string("delta has a malformed plane block: ") + what);
}

// Bits per byte if every byte were coded by its frequency alone.
double order0_bits(ByteSpan plane) {
    std::array<std::uint32_t, 256> counts{};
    for (const auto byte : plane) ++counts[static_cast<std::size_t>(byte)];
    double sum = 0;
    for (const auto count : counts) {
        if (count > 0) sum += count * std::log2(count);
    }
    const auto size = static_cast<double>(plane.size());
    return std::log2(size) - sum / size;
}

// Random planes are not worth a try; planes with much order are worth the slower match search.
int level_for(double bits) {
    constexpr double no_gain_bits = 7.97;
    constexpr double huffman_bits = 2.0;
    if (bits > no_gain_bits) return 0;
    return bits > huffman_bits ? 1 : 6;
}

void append_plane(ByteSpan plane, ZstdEncoder& zstd, Bytes& out) {
    if (std::ranges::all_of(plane, [&](std::byte byte) { return byte == plane[0]; })) {
        out.push_back(static_cast<std::byte>(PlaneKind::fill));
        out.push_back(plane[0]);
        return;
    }
    const int level = level_for(order0_bits(plane));
    const ByteSpan frame =
        level == 0 ? ByteSpan{} : zstd.encode(plane, {}, level, plane.size() - 1);
    if (frame.empty()) {
        out.push_back(static_cast<std::byte>(PlaneKind::raw));
        out.insert(out.end(), plane.begin(), plane.end());
        return;
    }
    out.push_back(static_cast<std::byte>(PlaneKind::zstd));
    append_varint(out, frame.size());
    out.insert(out.end(), frame.begin(), frame.end());
}

Status read_plane(FieldReader& in, ZstdDecoder& zstd, std::span<std::byte> plane) {
    const auto kind = static_cast<PlaneKind>(in.byte());
    if (!in.ok()) return malformed("it ends early");
    switch (kind) {
        case PlaneKind::raw: {
            const auto bytes = in.take(plane.size());
            if (!in.ok()) return malformed("it ends early");
            std::ranges::copy(bytes, plane.begin());
            return {};
        }
        case PlaneKind::zstd: {
            const auto frame = in.take(in.varint());
            if (!in.ok()) return malformed("it ends early");
            return zstd.decode(frame, {}, plane);
        }
        case PlaneKind::fill: {
            const auto value = static_cast<std::byte>(in.byte());
            if (!in.ok()) return malformed("it ends early");
            std::ranges::fill(plane, value);
            return {};
        }
    }
    return malformed("unknown kind of plane");
}

Result<PlaneMode> read_mode(FieldReader& in, bool has_old) {
    const std::uint8_t byte = in.byte();
    PlaneMode mode;
    mode.word_log = byte & 3;
    mode.transform = static_cast<Transform>(byte >> transform_shift & 3);
    mode.skip = byte >> skip_shift & 7;
    if (!in.ok() || (byte & ~known_mode_bits) != 0) return malformed("unknown mode");
    if (mode.transform > Transform::difference) return malformed("unknown transform");
    if (mode.skip >= 1u << mode.word_log) return malformed("skip is longer than a word");
    if (has_old != (mode.transform != Transform::none)) return malformed("old bytes do not fit");
    return mode;
}

}  // namespace

void encode_planes(ByteSpan block, ByteSpan old, const PlaneMode& mode, ZstdEncoder& zstd,
                   std::span<std::byte> scratch, Bytes& out) {
    const Layout layout = layout_of(block.size(), mode);
    out.push_back(static_cast<std::byte>(mode.word_log |
                                         static_cast<unsigned>(mode.transform) << transform_shift |
                                         static_cast<unsigned>(mode.skip) << skip_shift));
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
        append_plane(planes.subspan(start, plane_bytes), zstd, out);
    }
    const auto head = block.first(layout.skip);
    const auto tail = block.last(layout.tail);
    out.insert(out.end(), head.begin(), head.end());
    out.insert(out.end(), tail.begin(), tail.end());
}

Status decode_planes(ByteSpan payload, ByteSpan old, ZstdDecoder& zstd, std::span<std::byte> block,
                     std::span<std::byte> scratch) {
    FieldReader in(payload);
    TRY(const PlaneMode mode, read_mode(in, !old.empty()));
    if (!old.empty() && old.size() != block.size()) return malformed("old bytes do not fit");
    const Layout layout = layout_of(block.size(), mode);
    const auto planes = scratch.first(layout.words);
    const std::size_t plane_bytes = layout.words >> mode.word_log;
    for (std::size_t start = 0; start < planes.size(); start += plane_bytes) {
        TRY(read_plane(in, zstd, planes.subspan(start, plane_bytes)));
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
