#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/bytes.h"
#include "delta/layout/tensor.h"

namespace strandline::delta::number {

/// Reads one little-endian number of a machine type.
template <class Word>
[[nodiscard]] inline Word load_word(const std::byte* at) {
    if constexpr (std::endian::native == std::endian::little) {
        Word word;
        std::memcpy(&word, at, sizeof word);
        return word;
    } else {
        return load_le<Word>(ByteSpan(at, sizeof(Word)));
    }
}

template <class Word>
inline void store_word(std::byte* at, Word word) {
    if constexpr (std::endian::native == std::endian::little) {
        std::memcpy(at, &word, sizeof word);
    } else {
        store_le(word, std::span<std::byte>(at, sizeof(Word)));
    }
}

/// How a kind of number is laid out: IEEE 754 style with sign, exponent and fraction, or, without
/// exponent bits, a two's complement integer.
template <class WordType, unsigned FractionBits, unsigned ExponentBits>
struct NumberFormat {
    using Word = WordType;
    static constexpr unsigned bits = 8 * sizeof(Word);
    static constexpr unsigned fraction_bits = FractionBits;
    static constexpr unsigned exponent_bits = ExponentBits;
    static constexpr bool is_float = ExponentBits > 0;
    static constexpr Word sign_bit = static_cast<Word>(Word{1} << (bits - 1));

    /// Numbers in order of their size: neighbours differ by one, also -0 and 0. Modulo 2^64.
    [[nodiscard]] static std::uint64_t ordered(Word word) {
        using Signed = std::make_signed_t<Word>;
        const auto value = static_cast<std::uint64_t>(std::int64_t{static_cast<Signed>(word)});
        if constexpr (!is_float) return value;
        // -1 - magnitude of negative numbers.
        const auto negative = std::uint64_t{0} - static_cast<std::uint64_t>(word >> (bits - 1));
        return value ^ (negative & static_cast<std::uint64_t>(static_cast<Word>(sign_bit - 1)));
    }
    [[nodiscard]] static Word from_ordered(std::uint64_t value) {
        const auto word = static_cast<Word>(value);
        if constexpr (!is_float) return word;
        const auto negative = static_cast<Word>(Word{0} - static_cast<Word>(word >> (bits - 1)));
        return static_cast<Word>(word ^ (negative & static_cast<Word>(sign_bit - 1)));
    }
    /// Exponent field; that of subnormal numbers is 1, as their steps are those of exponent 1.
    [[nodiscard]] static std::int32_t scale(Word word) {
        if constexpr (!is_float) return 0;
        const auto field = exponent(word);
        return field + (field == 0 ? 1 : 0);
    }
    [[nodiscard]] static std::int32_t exponent(Word word) {
        if constexpr (!is_float) return 0;
        return static_cast<std::int32_t>(word >> fraction_bits & ((Word{1} << exponent_bits) - 1));
    }
    [[nodiscard]] static bool negative(Word word) { return (word & sign_bit) != 0; }
};

using Float64 = NumberFormat<std::uint64_t, 52, 11>;
using Float32 = NumberFormat<std::uint32_t, 23, 8>;
using Float16 = NumberFormat<std::uint16_t, 10, 5>;
using Bfloat16 = NumberFormat<std::uint16_t, 7, 8>;
using Int64 = NumberFormat<std::uint64_t, 0, 0>;
using Int32 = NumberFormat<std::uint32_t, 0, 0>;
using Int16 = NumberFormat<std::uint16_t, 0, 0>;
using Int8 = NumberFormat<std::uint8_t, 0, 0>;

}  // namespace strandline::delta::number
