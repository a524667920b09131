#pragma once

// Only for files that are compiled for AVX2 and run after has_avx2() said so.
#include "delta/number/cdf.h"
#include "delta/number/number_method.h"

namespace strandline::delta::number {

struct Avx2Rounds;
template <class Format, Method How, class Io, bool ByColumn>
class Avx2DifferenceKernel;
template <class Io>
class Avx2RescaledKernel;

/// PortableCdf in AVX2: a Cdf is one register.
struct Avx2Cdf {
    static constexpr bool has_rounds = true;
    using Rounds = Avx2Rounds;
    template <class Format, Method How, class Io, bool ByColumn>
    using Differences = Avx2DifferenceKernel<Format, How, Io, ByColumn>;
    template <class Io>
    using Rescaled = Avx2RescaledKernel<Io>;

    [[gnu::always_inline]] static inline unsigned find(const Cdf& cdf, std::uint32_t slot) {
        const __m256i starts =
            _mm256_load_si256(reinterpret_cast<const __m256i*>(cdf.start.data()));
        const __m256i above =
            _mm256_cmpgt_epi16(starts, _mm256_set1_epi16(static_cast<short>(slot)));
        // Two bits for each start that is above.
        const auto mask = static_cast<unsigned>(_mm256_movemask_epi8(above));
        return symbols - 1 - static_cast<unsigned>(std::popcount(mask)) / 2;
    }
    [[gnu::always_inline]] static inline void update(Cdf& cdf, unsigned symbol, unsigned rate) {
        auto* place = reinterpret_cast<__m256i*>(cdf.start.data());
        const __m256i target =
            _mm256_load_si256(reinterpret_cast<const __m256i*>(cdf_targets[symbol].start.data()));
        const __m256i now = _mm256_load_si256(place);
        const __m256i way = _mm256_adds_epi16(_mm256_sub_epi16(target, now),
                                              _mm256_set1_epi16(cdf_half_steps[rate]));
        const __m256i step = _mm256_sra_epi16(way, _mm_cvtsi32_si128(static_cast<int>(rate)));
        _mm256_store_si256(place, _mm256_add_epi16(now, step));
    }
};

}  // namespace strandline::delta::number
