#include "delta/coder/byte_stream.h"

#include <algorithm>
#include <array>

#include "delta/number/log2.h"

namespace strandline::delta {
namespace {

enum class StreamKind : std::uint8_t { raw = 0, zstd = 1, fill = 2 };

Error malformed(const char* what) {
    return fail(Errc::corrupt, std::string("delta has a malformed byte stream: ") + what);
}

// Bits per byte if every byte were coded by its frequency alone; of a sample of long ones.
double order0_bits(ByteSpan bytes) {
    constexpr std::size_t group = 64;
    constexpr std::size_t whole_bytes = 16u << 10;
    const std::size_t step = bytes.size() <= whole_bytes ? group : 4 * group;
    std::array<std::uint32_t, 256> counts{};
    double size = 0;
    for (std::size_t start = 0; start < bytes.size(); start += step) {
        const auto part = bytes.subspan(start, std::min(group, bytes.size() - start));
        for (const auto byte : part) ++counts[static_cast<std::size_t>(byte)];
        size += static_cast<double>(part.size());
    }
    double sum = 0;
    for (const auto count : counts) {
        if (count > 0) sum += count * number::log2_of(count);
    }
    return number::log2_of(size) - sum / size;
}

// Random streams are not worth a try; those with much order are worth the slower match search.
int level_for(double bits) {
    constexpr double no_gain_bits = 7.97;
    constexpr double huffman_bits = 2.0;
    if (bits > no_gain_bits) return 0;
    return bits > huffman_bits ? 1 : 6;
}

}  // namespace

void append_stream(ByteSpan bytes, ZstdEncoder& zstd, Bytes& out) {
    if (bytes.empty()) return;
    if (std::ranges::all_of(bytes, [&](std::byte byte) { return byte == bytes[0]; })) {
        out.push_back(static_cast<std::byte>(StreamKind::fill));
        out.push_back(bytes[0]);
        return;
    }
    const int level = level_for(order0_bits(bytes));
    const ByteSpan frame =
        level == 0 ? ByteSpan{} : zstd.encode(bytes, {}, level, bytes.size() - 1);
    if (frame.empty()) {
        out.push_back(static_cast<std::byte>(StreamKind::raw));
        out.insert(out.end(), bytes.begin(), bytes.end());
        return;
    }
    out.push_back(static_cast<std::byte>(StreamKind::zstd));
    append_varint(out, frame.size());
    out.insert(out.end(), frame.begin(), frame.end());
}

Status read_stream(FieldReader& in, ZstdDecoder& zstd, std::span<std::byte> out) {
    if (out.empty()) return {};
    const auto kind = static_cast<StreamKind>(in.byte());
    if (!in.ok()) return malformed("it ends early");
    switch (kind) {
        case StreamKind::raw: {
            const auto bytes = in.take(out.size());
            if (!in.ok()) return malformed("it ends early");
            std::ranges::copy(bytes, out.begin());
            return {};
        }
        case StreamKind::zstd: {
            const auto frame = in.take(in.varint());
            if (!in.ok()) return malformed("it ends early");
            return zstd.decode(frame, {}, out);
        }
        case StreamKind::fill: {
            const auto value = static_cast<std::byte>(in.byte());
            if (!in.ok()) return malformed("it ends early");
            std::ranges::fill(out, value);
            return {};
        }
    }
    return malformed("unknown kind of stream");
}

}  // namespace strandline::delta
