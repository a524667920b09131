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
// The instruction answers after three cycles but starts every cycle: three stretches of a block are
// summed at once, and put together by moving the sum of one past the bytes of the next.
constexpr std::size_t stretch_bytes = 1024;
constexpr std::size_t stretches = 3;
constexpr std::size_t sum_bytes = 4;
using Mover = std::array<std::array<std::uint32_t, 256>, sum_bytes>;

// A sum after stretch_bytes more zeros is linear in the sum: one table for each of its bytes.
constexpr Mover make_mover() {
    Mover mover{};
    for (unsigned bit = 0; bit < 32; ++bit) {
        std::uint32_t value = std::uint32_t{1} << bit;
        for (std::size_t i = 0; i < stretch_bytes; ++i)
            value = (value >> 8) ^ tables[0][value & 0xff];
        mover[bit / 8][std::size_t{1} << bit % 8] = value;
    }
    for (auto& table : mover) {
        for (std::size_t byte = 1; byte < table.size(); ++byte)
            table[byte] = table[byte & (byte - 1)] ^ table[byte & (~byte + 1)];
    }
    return mover;
}

constexpr Mover mover = make_mover();

std::uint64_t moved(std::uint64_t sum) {
    return mover[0][sum & 0xff] ^ mover[1][sum >> 8 & 0xff] ^ mover[2][sum >> 16 & 0xff] ^
           mover[3][sum >> 24 & 0xff];
}

std::uint64_t word_at(const unsigned char* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

// The processor's own instruction.
[[gnu::target("sse4.2")]] std::uint32_t crc32c_sse42(ByteSpan bytes, std::uint32_t crc) {
    std::uint64_t sum = crc;
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    std::size_t left = bytes.size();
    for (; left >= stretches * stretch_bytes; left -= stretches * stretch_bytes) {
        std::uint64_t second = 0;
        std::uint64_t third = 0;
        for (const auto* end = at + stretch_bytes; at < end; at += sizeof(std::uint64_t)) {
            sum = _mm_crc32_u64(sum, word_at(at));
            second = _mm_crc32_u64(second, word_at(at + stretch_bytes));
            third = _mm_crc32_u64(third, word_at(at + 2 * stretch_bytes));
        }
        sum = moved(moved(sum) ^ second) ^ third;
        at += (stretches - 1) * stretch_bytes;
    }
    for (; left >= sizeof(std::uint64_t); left -= sizeof(std::uint64_t)) {
        sum = _mm_crc32_u64(sum, word_at(at));
        at += sizeof(std::uint64_t);
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
