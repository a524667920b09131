#pragma once

// Only for files that are compiled for AVX2 and run after has_avx2() said so.
#include "delta/number/rounds_avx2.h"
#include "delta/number/state_packer.h"

namespace strandline::delta::number {

/// pack() of rounds of eight: even and odd lanes in a register each, with 64 bits for each state,
/// where a whole number below 2^52 becomes one of binary64 by an exponent in front of it.
struct Avx2Packer : Avx2Lanes {
    struct Half {
        Vector state;
        Vector full;   // those that give a word,
        Vector given;  // which is this
    };

    // Entries are in the lower halves.
    [[gnu::always_inline]] static inline void push(Half& half, Vector entry) {
        const Vector zero = _mm256_setzero_si256();
        const __m256d large = _mm256_set1_pd(0x1p52);
        const Vector none = _mm256_cmpeq_epi64(entry, zero);
        const Vector start = _mm256_srli_epi64(entry, 16);
        // Of none, 1: anything but a division by zero.
        const Vector share =
            _mm256_sub_epi64(_mm256_and_si256(entry, _mm256_set1_epi64x(0xffff)), none);
        const __m256d real_share = _mm256_sub_pd(
            _mm256_castsi256_pd(_mm256_or_si256(share, _mm256_castpd_si256(large))), large);
        // Does not wait for the state.
        const __m256d inverse = _mm256_div_pd(_mm256_set1_pd(1.0), real_share);
        const Vector limit = _mm256_slli_epi64(share, 32 - probability_bits);
        half.full = _mm256_andnot_si256(
            _mm256_or_si256(none, _mm256_cmpgt_epi64(limit, half.state)), _mm256_set1_epi64x(-1));
        half.given = half.state;
        const Vector state = choose(half.full, _mm256_srli_epi64(half.state, 16), half.state);
        // (state + 1/2) / share is at least 2^-16 away from whole numbers and below 2^17, so that
        // nothing that is rounded here matters. The last sum leaves the quotient lowest.
        const __m256d middle =
            _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(state, _mm256_castpd_si256(large))),
                          _mm256_set1_pd(0x1p52 - 0.5));
        const Vector quotient = _mm256_castpd_si256(
            _mm256_add_pd(_mm256_mul_pd(middle, inverse), _mm256_set1_pd(0x1p52 - 0.5)));
        // quotient x 2^15 + rest
        const Vector others = _mm256_sub_epi64(_mm256_set1_epi64x(probability_one), share);
        const Vector next =
            _mm256_add_epi64(_mm256_add_epi64(state, start), _mm256_mul_epu32(quotient, others));
        half.state = choose(none, half.state, next);
    }

    [[gnu::always_inline]] static inline std::size_t run(std::span<const std::uint32_t> entries,
                                                         Lanes<std::uint32_t>& states,
                                                         std::span<std::uint16_t> words) {
        std::uint16_t* const end = words.data() + words.size();
        std::uint16_t* word = end;
        const Vector lower = _mm256_set1_epi64x(0xffffffff);
        Half even{_mm256_and_si256(load(states), lower), {}, {}};
        Half odd{_mm256_srli_epi64(load(states), 32), {}, {}};
        for (std::size_t at = entries.size(); at > 0;) {
            at -= lanes;
            const Vector entry =
                _mm256_loadu_si256(reinterpret_cast<const __m256i*>(entries.data() + at));
            push(even, _mm256_and_si256(entry, lower));
            push(odd, _mm256_srli_epi64(entry, 32));
            const unsigned givers = set(_mm256_blend_epi32(even.full, odd.full, 0xaa));
            const Vector all_given =
                _mm256_blend_epi32(even.given, _mm256_slli_epi64(odd.given, 32), 0xaa);
            const Vector given = _mm256_permutevar8x32_epi32(
                _mm256_and_si256(all_given, every<0xffff>()), order(lane_orders.packed[givers]));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(word - lanes),
                             _mm_packus_epi32(_mm256_castsi256_si128(given),
                                              _mm256_extracti128_si256(given, 1)));
            word -= std::popcount(givers);
        }
        store(states, _mm256_or_si256(even.state, _mm256_slli_epi64(odd.state, 32)));
        return static_cast<std::size_t>(end - word);
    }
};

}  // namespace strandline::delta::number
