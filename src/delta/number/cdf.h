#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#define STRANDLINE_CDF_SSE2
#elif defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>
#define STRANDLINE_CDF_NEON
#endif

// Adaptive frequencies of 16 symbols; format.md section 4.5. cdf_avx2.h has one more way.
namespace strandline::delta::number {

inline constexpr unsigned probability_bits = 15;
inline constexpr std::uint32_t probability_one = 1u << probability_bits;
inline constexpr unsigned symbols = 16;

/// Where each symbol starts in [0, 2^15). start[0] is 0, and each symbol has room for one at least.
struct alignas(32) Cdf {
    std::array<std::uint16_t, symbols> start;

    [[gnu::always_inline]] [[nodiscard]] inline std::uint32_t frequency(unsigned symbol) const {
        return (std::uint32_t{start[(symbol + 1) % symbols]} - start[symbol]) &
               (probability_one - 1);
    }
    void reset() {
        for (unsigned i = 0; i < symbols; ++i) {
            start[i] = static_cast<std::uint16_t>(i * (probability_one / symbols));
        }
    }
};

/// What the starts move towards when a symbol was seen.
inline constexpr auto cdf_targets = [] {
    std::array<Cdf, symbols> targets{};
    for (unsigned symbol = 0; symbol < symbols; ++symbol) {
        for (unsigned i = 0; i < symbols; ++i) {
            targets[symbol].start[i] =
                static_cast<std::uint16_t>(i <= symbol ? i : probability_one - symbols + i);
        }
    }
    return targets;
}();

/// Half of what a rate divides by: added, so that steps are rounded.
inline constexpr std::array<std::int16_t, 9> cdf_half_steps{0, 1, 2, 4, 8, 16, 32, 64, 128};

/// The two operations on a Cdf in plain C++: what the others must agree with.
struct PortableCdf {
    static constexpr bool has_rounds = false;
    /// The symbol whose range holds `slot`.
    [[gnu::always_inline]] static inline unsigned find(const Cdf& cdf, std::uint32_t slot) {
        unsigned symbol = 0;
        for (unsigned i = 1; i < symbols; ++i) symbol += cdf.start[i] <= slot ? 1 : 0;
        return symbol;
    }
    /// Makes `symbol` likelier: every start goes 2^-rate of the way to its target, rounded.
    [[gnu::always_inline]] static inline void update(Cdf& cdf, unsigned symbol, unsigned rate) {
        const auto& target = cdf_targets[symbol].start;
        for (unsigned i = 0; i < symbols; ++i) {
            const int way = int{target[i]} - int{cdf.start[i]} + cdf_half_steps[rate];
            const int step = std::min(way, int{INT16_MAX}) >> rate;
            cdf.start[i] = static_cast<std::uint16_t>(int{cdf.start[i]} + step);
        }
    }
};

#if defined(STRANDLINE_CDF_SSE2)
struct BaselineCdf {
    static constexpr bool has_rounds = false;
    [[gnu::always_inline]] static inline unsigned find(const Cdf& cdf, std::uint32_t slot) {
        const auto* words = reinterpret_cast<const __m128i*>(cdf.start.data());
        const __m128i wanted = _mm_set1_epi16(static_cast<short>(slot));
        const __m128i low = _mm_cmpgt_epi16(_mm_load_si128(words), wanted);
        const __m128i high = _mm_cmpgt_epi16(_mm_load_si128(words + 1), wanted);
        const auto above = static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
        return static_cast<unsigned>(std::countr_zero(above | 1u << symbols)) - 1;
    }
    [[gnu::always_inline]] static inline void update(Cdf& cdf, unsigned symbol, unsigned rate) {
        auto* words = reinterpret_cast<__m128i*>(cdf.start.data());
        const auto* target = reinterpret_cast<const __m128i*>(cdf_targets[symbol].start.data());
        const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(rate));
        const __m128i half_step = _mm_set1_epi16(cdf_half_steps[rate]);
        for (int half = 0; half < 2; ++half) {
            const __m128i now = _mm_load_si128(words + half);
            const __m128i step = _mm_sra_epi16(
                _mm_adds_epi16(_mm_sub_epi16(_mm_load_si128(target + half), now), half_step),
                shift);
            _mm_store_si128(words + half, _mm_add_epi16(now, step));
        }
    }
};
#elif defined(STRANDLINE_CDF_NEON)
struct BaselineCdf {
    static constexpr bool has_rounds = false;
    static unsigned find(const Cdf& cdf, std::uint32_t slot) {
        const uint16x8_t wanted = vdupq_n_u16(static_cast<std::uint16_t>(slot));
        const uint16x8_t low = vcleq_u16(vld1q_u16(cdf.start.data()), wanted);
        const uint16x8_t high = vcleq_u16(vld1q_u16(cdf.start.data() + 8), wanted);
        // Each place below the slot counts minus one.
        const int16x8_t below = vaddq_s16(vreinterpretq_s16_u16(low), vreinterpretq_s16_u16(high));
        return static_cast<unsigned>(-vaddvq_s16(below)) - 1;
    }
    static void update(Cdf& cdf, unsigned symbol, unsigned rate) {
        const int16x8_t shift = vdupq_n_s16(static_cast<std::int16_t>(-static_cast<int>(rate)));
        const int16x8_t half_step = vdupq_n_s16(cdf_half_steps[rate]);
        const auto& target = cdf_targets[symbol].start;
        for (unsigned half = 0; half < symbols; half += 8) {
            const int16x8_t now = vreinterpretq_s16_u16(vld1q_u16(cdf.start.data() + half));
            const int16x8_t goal = vreinterpretq_s16_u16(vld1q_u16(target.data() + half));
            const int16x8_t step = vshlq_s16(vqaddq_s16(vsubq_s16(goal, now), half_step), shift);
            vst1q_u16(cdf.start.data() + half, vreinterpretq_u16_s16(vaddq_s16(now, step)));
        }
    }
};
#else
using BaselineCdf = PortableCdf;
#endif

}  // namespace strandline::delta::number
