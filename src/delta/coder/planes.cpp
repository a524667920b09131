#include "delta/coder/planes.h"

#include <type_traits>

#include "delta/number/number_format.h"

namespace strandline::delta {
namespace {

using number::load_word;
using number::store_word;

template <class Word, Transform transform>
Word forward(Word next, Word old) {
    if constexpr (transform == Transform::none) return next;
    if constexpr (transform == Transform::exclusive) return static_cast<Word>(next ^ old);
    const auto moved = static_cast<Word>(next - old);
    const auto sign = static_cast<Word>(moved >> (8 * sizeof(Word) - 1));
    return static_cast<Word>(static_cast<Word>(moved << 1) ^ static_cast<Word>(0 - sign));
}

template <class Word, Transform transform>
Word backward(Word coded, Word old) {
    if constexpr (transform == Transform::none) return coded;
    if constexpr (transform == Transform::exclusive) return static_cast<Word>(coded ^ old);
    const auto sign = static_cast<Word>(0 - (coded & 1));
    return static_cast<Word>(old + static_cast<Word>(static_cast<Word>(coded >> 1) ^ sign));
}

template <class Word, Transform transform>
void split(ByteSpan words, ByteSpan old, std::byte* planes) {
    constexpr bool uses_old = transform != Transform::none;
    const std::size_t count = words.size() / sizeof(Word);
    for (std::size_t i = 0; i < count; ++i) {
        const Word next = load_word<Word>(words.data() + i * sizeof(Word));
        Word before = 0;
        if constexpr (uses_old) before = load_word<Word>(old.data() + i * sizeof(Word));
        const Word coded = forward<Word, transform>(next, before);
        for (std::size_t plane = 0; plane < sizeof(Word); ++plane) {
            planes[plane * count + i] = static_cast<std::byte>(coded >> (8 * plane) & 0xff);
        }
    }
}

template <class Word, Transform transform>
void join(ByteSpan planes, ByteSpan old, std::byte* words) {
    constexpr bool uses_old = transform != Transform::none;
    const std::size_t count = planes.size() / sizeof(Word);
    for (std::size_t i = 0; i < count; ++i) {
        Word coded = 0;
        for (std::size_t plane = 0; plane < sizeof(Word); ++plane) {
            const auto byte = static_cast<Word>(planes[plane * count + i]);
            coded = static_cast<Word>(coded | static_cast<Word>(byte << (8 * plane)));
        }
        Word before = 0;
        if constexpr (uses_old) before = load_word<Word>(old.data() + i * sizeof(Word));
        store_word(words + i * sizeof(Word), backward<Word, transform>(coded, before));
    }
}

// Calls `work` with a word type and a transform known at compile time, so that the loops above
// have no branch inside.
template <class Work>
void dispatch_word(unsigned word_log, const Work& work) {
    switch (word_log) {
        case 0:
            return work(std::uint8_t{});
        case 1:
            return work(std::uint16_t{});
        case 2:
            return work(std::uint32_t{});
        default:
            return work(std::uint64_t{});
    }
}

template <class Work>
void dispatch(unsigned word_log, Transform transform, const Work& work) {
    dispatch_word(word_log, [&](auto word) {
        switch (transform) {
            case Transform::none:
                return work(word, std::integral_constant<Transform, Transform::none>{});
            case Transform::exclusive:
                return work(word, std::integral_constant<Transform, Transform::exclusive>{});
            case Transform::difference:
                return work(word, std::integral_constant<Transform, Transform::difference>{});
        }
    });
}

}  // namespace

void split_planes(ByteSpan words, ByteSpan old, Transform transform, unsigned word_log,
                  std::span<std::byte> planes) {
    dispatch(word_log, transform, [&](auto word, auto kind) {
        split<decltype(word), decltype(kind)::value>(words, old, planes.data());
    });
}

void join_planes(ByteSpan planes, ByteSpan old, Transform transform, unsigned word_log,
                 std::span<std::byte> words) {
    dispatch(word_log, transform, [&](auto word, auto kind) {
        join<decltype(word), decltype(kind)::value>(planes, old, words.data());
    });
}

}  // namespace strandline::delta
