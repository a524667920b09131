#pragma once

// Only for files that are compiled for AVX2 and run after has_avx2() said so.
#include "delta/number/lanes_avx2.h"
#include "delta/number/scale_tracker.h"

namespace strandline::delta::number {

/// ScaleTracker with each value in all lanes.
class Avx2Tracker : Avx2Lanes {
public:
    explicit Avx2Tracker(std::int32_t start)
        : slow_(all(static_cast<std::uint32_t>(start * ScaleTracker::fine))), fast_(slow_) {}

    [[gnu::always_inline]] [[nodiscard]] inline Vector mixed() const {
        const Vector slow = _mm256_srai_epi32(slow_, 8);
        const Vector three = _mm256_add_epi32(slow, _mm256_add_epi32(slow, slow));
        return _mm256_srai_epi32(_mm256_add_epi32(three, _mm256_srai_epi32(fast_, 8)), 2);
    }
    /// Times expected_steps.
    [[gnu::always_inline]] [[nodiscard]] inline Vector drift_row() const {
        constexpr std::uint32_t limit = 160 * ScaleTracker::fine;
        const Vector change = _mm256_sub_epi32(fast_, slow_);
        const Vector step = every<expected_steps>();
        const Vector up = _mm256_and_si256(_mm256_cmpgt_epi32(change, every<limit>()), step);
        const Vector down = _mm256_and_si256(_mm256_cmpgt_epi32(every<0 - limit>(), change), step);
        return _mm256_add_epi32(step, _mm256_sub_epi32(up, down));
    }
    [[gnu::always_inline]] inline void adjust(Vector surprise, Vector growth) {
        const Vector now = mixed();
        slow_ = moved(slow_, now, surprise, growth, ScaleTracker::slow_shift);
        fast_ = moved(fast_, now, surprise, growth, ScaleTracker::fast_shift);
    }

private:
    [[gnu::always_inline]] static inline Vector moved(Vector average, Vector now, Vector surprise,
                                                      Vector growth, int shift) {
        constexpr auto furthest = static_cast<std::uint32_t>(ScaleTracker::furthest);
        const Vector away = _mm256_sub_epi32(now, _mm256_srai_epi32(average, 8));
        const Vector rest = _mm256_srai_epi32(_mm256_mullo_epi32(growth, away), step_bits);
        const Vector way = _mm256_slli_epi32(_mm256_add_epi32(surprise, rest), shift);
        return _mm256_max_epi32(_mm256_min_epi32(_mm256_add_epi32(average, way), every<furthest>()),
                                every<0 - furthest>());
    }

    Vector slow_;
    Vector fast_;
};

}  // namespace strandline::delta::number
