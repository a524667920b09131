#pragma once

// Only for files that are compiled for AVX2 and run after has_avx2() said so.
#include "delta/number/cdf.h"
#include "delta/number/constants_avx2.h"
#include "delta/number/lanes.h"

namespace strandline::delta::number {

/// For each set of lanes where the next word of each is, counted from the first; for each set
/// where its words lie when they are put together at the end of eight.
struct LaneOrders {
    std::array<std::array<std::uint8_t, lanes>, 256> spread;
    std::array<std::array<std::uint8_t, lanes>, 256> packed;
};
inline constexpr auto lane_orders = [] {
    LaneOrders orders{};
    for (unsigned set = 0; set < 256; ++set) {
        unsigned before = 0;
        const auto count = static_cast<unsigned>(std::popcount(set));
        for (unsigned lane = 0; lane < lanes; ++lane) {
            orders.spread[set][lane] = static_cast<std::uint8_t>(before);
            if ((set >> lane & 1) == 0) continue;
            orders.packed[set][lanes - count + before] = static_cast<std::uint8_t>(lane);
            ++before;
        }
    }
    return orders;
}();

/// Vectors of eight numbers of 32 bits, a lane each.
struct Avx2Lanes {
    using Vector = __m256i;

    [[gnu::always_inline]] static inline Vector all(std::uint32_t value) {
        return _mm256_set1_epi32(static_cast<int>(value));
    }
    /// A constant.
    template <std::uint32_t Value>
    [[gnu::always_inline]] static inline Vector every() {
        static_assert(place_of_repeated(Value) < repeated_values.size());
        return load(repeated_in_memory.of[place_of_repeated(Value)]);
    }
    template <class Value>
    [[gnu::always_inline]] static inline Vector load(const Lanes<Value>& from) {
        static_assert(sizeof(Value) == 4);
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from.data()));
    }
    template <class Value>
    [[gnu::always_inline]] static inline void store(Lanes<Value>& to, Vector value) {
        static_assert(sizeof(Value) == 4);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to.data()), value);
    }
    /// Whole numbers of any size, with their signs.
    template <class Value>
    [[gnu::always_inline]] static inline Vector widen(const Lanes<Value>& from) {
        if constexpr (sizeof(Value) == 4) {
            return load(from);
        } else if constexpr (sizeof(Value) == 2) {
            return _mm256_cvtepi16_epi32(
                _mm_loadu_si128(reinterpret_cast<const __m128i*>(from.data())));
        } else {
            return _mm256_cvtepi8_epi32(
                _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from.data())));
        }
    }
    /// Their lowest bits, back again.
    template <class Value>
    [[gnu::always_inline]] static inline void narrow(Lanes<Value>& to, Vector value) {
        if constexpr (sizeof(Value) == 4) {
            store(to, value);
            return;
        }
        // Lowest bytes of each first, then both halves together.
        const __m256i order =
            sizeof(Value) == 2
                ? _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1, 0, 1,
                                   4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1)
                : _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0,
                                   4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
        const __m256i lowest = _mm256_shuffle_epi8(value, order);
        const __m128i low = _mm256_castsi256_si128(lowest);
        const __m128i high = _mm256_extracti128_si256(lowest, 1);
        if constexpr (sizeof(Value) == 2) {
            _mm_storeu_si128(reinterpret_cast<__m128i*>(to.data()), _mm_unpacklo_epi64(low, high));
        } else {
            _mm_storel_epi64(reinterpret_cast<__m128i*>(to.data()), _mm_unpacklo_epi32(low, high));
        }
    }
    /// Lanes are read from memory from here on. A compiler that knows what was stored takes them
    /// out of the register one by one, which is slower.
    [[gnu::always_inline]] static inline void keep(Lanes<std::uint32_t>& value) {
        asm("" : "+m"(value));
    }
    [[gnu::always_inline]] static inline Vector numbers() {
        return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    }
    /// All ones in the lanes of a set.
    [[gnu::always_inline]] static inline Vector mask(unsigned set) {
        const Vector bit = _mm256_sllv_epi32(every<1>(), numbers());
        return _mm256_cmpeq_epi32(_mm256_and_si256(all(set), bit), bit);
    }
    /// The set of lanes whose highest bit is one.
    [[gnu::always_inline]] static inline unsigned set(Vector value) {
        return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(value)));
    }
    [[gnu::always_inline]] static inline Vector choose(Vector which, Vector yes, Vector no) {
        return _mm256_blendv_epi8(no, yes, which);
    }
    /// The sum, in each lane.
    [[gnu::always_inline]] static inline Vector sum(Vector value) {
        value = _mm256_add_epi32(value, _mm256_permute2x128_si256(value, value, 1));
        value = _mm256_add_epi32(value, _mm256_shuffle_epi32(value, 0x4e));
        return _mm256_add_epi32(value, _mm256_shuffle_epi32(value, 0xb1));
    }
    /// Eight numbers of up to 8 bits each.
    [[gnu::always_inline]] static inline Vector widen(std::uint64_t bytes) {
        return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<long long>(bytes)));
    }
    [[gnu::always_inline]] static inline Vector order(const std::array<std::uint8_t, lanes>& from) {
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from.data())));
    }
};

}  // namespace strandline::delta::number
