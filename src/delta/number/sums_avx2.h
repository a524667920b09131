#pragma once

// Only for files that are compiled for AVX2 and run after has_avx2() said so.
#include "delta/number/number_format.h"
#include "delta/number/number_work.h"

namespace strandline::delta::number {

/// Numbers of two bytes, four at a time, as the doubles that they are.
template <class Format>
struct Avx2Halves {
    using Doubles = __m256d;
    static constexpr std::size_t bytes = 2;

    /// As load_number().
    [[gnu::always_inline]] static inline Doubles load(const std::byte* at) {
        const __m128i words =
            _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at)));
        if constexpr (Format::exponent_bits == 8) {
            return _mm256_cvtps_pd(_mm_castsi128_ps(_mm_slli_epi32(words, 16)));
        } else {
            const __m128i magnitude = _mm_and_si128(words, _mm_set1_epi32(0x7fff));
            const __m128i infinite = _mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x7bff));
            const __m128i bias = _mm_set1_epi32((127 - 15) << 23);
            const __m128i normal = _mm_add_epi32(_mm_add_epi32(_mm_slli_epi32(magnitude, 13), bias),
                                                 _mm_and_si128(infinite, bias));
            const __m128 subnormal = _mm_mul_ps(_mm_cvtepi32_ps(magnitude), _mm_set1_ps(0x1p-24F));
            const __m128i is_small = _mm_cmplt_epi32(magnitude, _mm_set1_epi32(0x0400));
            const __m128i value = _mm_blendv_epi8(normal, _mm_castps_si128(subnormal), is_small);
            const __m128i sign =
                _mm_slli_epi32(_mm_andnot_si128(_mm_set1_epi32(0x7fff), words), 16);
            return _mm256_cvtps_pd(_mm_castsi128_ps(_mm_or_si128(value, sign)));
        }
    }

    /// As Rounding16, for numbers that are normal in both formats, or zero; false, and nothing
    /// stored, where there are others.
    [[gnu::always_inline]] static inline bool store(std::byte* at, Doubles value) {
        constexpr int dropped = 52 - static_cast<int>(Format::fraction_bits);
        constexpr long long smallest_normal = 1LL << Format::fraction_bits;
        constexpr long long infinite = ((1LL << Format::exponent_bits) - 1)
                                       << Format::fraction_bits;
        constexpr long long other_bias = (1023LL - ((1LL << (Format::exponent_bits - 1)) - 1))
                                         << Format::fraction_bits;
        const __m256i bits = _mm256_castpd_si256(value);
        const __m256i sign = _mm256_srli_epi64(bits, 63);
        const __m256i magnitude = _mm256_srli_epi64(_mm256_slli_epi64(bits, 1), 1);
        const __m256i odd =
            _mm256_and_si256(_mm256_srli_epi64(magnitude, dropped), _mm256_set1_epi64x(1));
        const __m256i half = _mm256_set1_epi64x((1LL << (dropped - 1)) - 1);
        const __m256i whole =
            _mm256_srli_epi64(_mm256_add_epi64(_mm256_add_epi64(magnitude, half), odd), dropped);
        const __m256i near = _mm256_sub_epi64(whole, _mm256_set1_epi64x(other_bias));
        const __m256i zero = _mm256_cmpeq_epi64(magnitude, _mm256_setzero_si256());
        const __m256i outside =
            _mm256_or_si256(_mm256_cmpgt_epi64(_mm256_set1_epi64x(smallest_normal), near),
                            _mm256_cmpgt_epi64(near, _mm256_set1_epi64x(infinite - 1)));
        if (_mm256_movemask_epi8(_mm256_andnot_si256(zero, outside)) != 0) return false;
        const __m256i words =
            _mm256_or_si256(_mm256_andnot_si256(zero, near), _mm256_slli_epi64(sign, 15));
        // The lowest two bytes of each.
        const __m256i lowest = _mm256_shuffle_epi8(
            words, _mm256_setr_epi8(0, 1, 8, 9, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0,
                                    1, 8, 9, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(at),
                         _mm_unpacklo_epi32(_mm256_castsi256_si128(lowest),
                                            _mm256_extracti128_si256(lowest, 1)));
        return true;
    }
};

/// The same for binary32.
struct Avx2Floats {
    using Doubles = __m256d;
    static constexpr std::size_t bytes = 4;

    [[gnu::always_inline]] static inline Doubles load(const std::byte* at) {
        return _mm256_cvtps_pd(_mm_loadu_ps(reinterpret_cast<const float*>(at)));
    }
    [[gnu::always_inline]] static inline bool store(std::byte* at, Doubles value) {
        if (_mm256_movemask_pd(_mm256_cmp_pd(value, value, _CMP_UNORD_Q)) != 0) return false;
        _mm_storeu_ps(reinterpret_cast<float*>(at), _mm256_cvtpd_ps(value));
        return true;
    }
};

struct Avx2Sums {
    /// The nearest doubles of numbers below 2^60: both halves are exact, and only their sum is
    /// rounded.
    [[gnu::always_inline]] static inline __m256d to_doubles(__m256i sums) {
        constexpr double two_52 = 0x1p52;
        const __m256i high_words =
            _mm256_permutevar8x32_epi32(sums, _mm256_setr_epi32(1, 3, 5, 7, 1, 3, 5, 7));
        const __m256d high = _mm256_mul_pd(_mm256_cvtepi32_pd(_mm256_castsi256_si128(high_words)),
                                           _mm256_set1_pd(0x1p32));
        const __m256i low_words = _mm256_blend_epi32(sums, _mm256_setzero_si256(), 0xaa);
        const __m256d low =
            _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(
                              low_words, _mm256_castpd_si256(_mm256_set1_pd(two_52)))),
                          _mm256_set1_pd(two_52));
        return _mm256_add_pd(high, low);
    }

    template <class Number>
    [[gnu::always_inline]] static inline std::size_t add(std::byte* numbers,
                                                         const std::int64_t* sums, double unit,
                                                         std::size_t count) {
        constexpr std::size_t step = 4;
        const std::size_t whole = count / step * step;
        for (std::size_t i = 0; i < whole; i += step) {
            std::byte* const at = numbers + i * Number::bytes;
            const __m256d more = _mm256_mul_pd(
                to_doubles(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums + i))),
                _mm256_set1_pd(unit));
            if (!Number::store(at, _mm256_add_pd(Number::load(at), more))) return i;
        }
        return whole;
    }
};

}  // namespace strandline::delta::number
