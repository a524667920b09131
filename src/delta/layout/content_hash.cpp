#include "delta/layout/content_hash.h"

#include <array>
#include <bit>

namespace strandline::delta {
namespace {

constexpr std::uint64_t multiplier = 0x9e3779b97f4a7c15;
constexpr std::size_t word_bytes = sizeof(std::uint64_t);
constexpr std::size_t lanes = 4;
constexpr std::size_t sampled_words = 64;

constexpr std::uint64_t add_word(std::uint64_t state, std::uint64_t word) {
    return std::rotl((state ^ word) * multiplier, 29);
}

/// Up to 8 bytes as a number.
std::uint64_t word_at(ByteSpan bytes, std::size_t at) {
    if (bytes.size() - at >= word_bytes)
        return load_le<std::uint64_t>(bytes.subspan(at, word_bytes));
    std::uint64_t word = 0;
    for (std::size_t i = at; i < bytes.size(); ++i) {
        word |= static_cast<std::uint64_t>(bytes[i]) << (8 * (i - at));
    }
    return word;
}

}  // namespace

std::uint64_t content_hash(ByteSpan bytes) {
    // Independent lanes keep the multiplier busy.
    std::array<std::uint64_t, lanes> states{1, 2, 3, 4};
    std::size_t at = 0;
    for (; bytes.size() - at >= lanes * word_bytes; at += lanes * word_bytes) {
        for (std::size_t i = 0; i < lanes; ++i) {
            const auto word =
                load_le<std::uint64_t>(bytes.subspan(at + i * word_bytes, word_bytes));
            states[i] = add_word(states[i], word);
        }
    }
    std::uint64_t result = mix_bits(bytes.size());
    for (; at < bytes.size(); at += word_bytes) result = add_word(result, word_at(bytes, at));
    for (const auto state : states) result = mix_bits(result ^ state) * multiplier;
    return mix_bits(result);
}

std::uint64_t fingerprint(ByteSpan bytes) {
    std::uint64_t result = mix_bits(bytes.size());
    const std::size_t step = bytes.size() / sampled_words / word_bytes * word_bytes + word_bytes;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        result = add_word(result, word_at(bytes, at));
    }
    return mix_bits(result);
}

}  // namespace strandline::delta
