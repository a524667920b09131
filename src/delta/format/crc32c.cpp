#include "delta/format/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace strandline::delta {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // RFC 3720, bit-reflected
constexpr std::size_t lanes = 8;                  // "slicing by 8": eight bytes per step

using Tables = std::array<std::array<std::uint32_t, 256>, lanes>;

constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit)
            value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
        tables[0][byte] = value;
    }
    for (std::size_t lane = 1; lane < lanes; ++lane) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const auto before = tables[lane - 1][byte];
            tables[lane][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
    return tables;
}

constexpr Tables tables = make_tables();

#if defined(__x86_64__)
// The processor's own instruction.
[[gnu::target("sse4.2")]] std::uint32_t crc32c_sse42(ByteSpan bytes, std::uint32_t crc) {
    std::uint64_t sum = crc;
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    std::size_t left = bytes.size();
    for (; left >= sizeof(std::uint64_t); left -= sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, sizeof word);
        sum = _mm_crc32_u64(sum, word);
        at += sizeof word;
    }
    crc = static_cast<std::uint32_t>(sum);
    for (; left > 0; --left, ++at) crc = _mm_crc32_u8(crc, *at);
    return crc;
}

bool has_sse42() {
    static const bool found = __builtin_cpu_supports("sse4.2");
    return found;
}
#endif

}  // namespace

std::uint32_t crc32c(ByteSpan bytes, std::uint32_t previous) {
#if defined(__x86_64__)
    if (has_sse42()) return ~crc32c_sse42(bytes, ~previous);
#endif
    return crc32c_portable(bytes, previous);
}

std::uint32_t crc32c_portable(ByteSpan bytes, std::uint32_t previous) {
    std::uint32_t crc = ~previous;
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    std::size_t left = bytes.size();
    for (; left >= lanes; left -= lanes, at += lanes) {
        const std::uint32_t low = crc ^ (std::uint32_t{at[0]} | std::uint32_t{at[1]} << 8 |
                                         std::uint32_t{at[2]} << 16 | std::uint32_t{at[3]} << 24);
        crc = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff] ^
              tables[4][low >> 24] ^ tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^
              tables[0][at[7]];
    }
    for (; left > 0; --left, ++at) crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xff];
    return ~crc;
}

}  // namespace strandline::delta
