#pragma once

// Only for files that are compiled for AVX2 and run after has_avx2() said so.
#include "delta/number/cdf_avx2.h"
#include "delta/number/lanes_avx2.h"
#include "delta/number/number_model.h"

namespace strandline::delta::number {

/// What makes the targets of the last symbol those of another one: a step behind it. The 16 words
/// that start at byte 30 - 2 x symbol.
struct alignas(64) SlidingTargets {
    std::array<std::uint16_t, std::size_t{2} * symbols> step;
};
inline constexpr auto sliding_targets = [] {
    SlidingTargets targets{};
    for (unsigned i = symbols; i < 2 * symbols; ++i) targets.step[i] = probability_one - symbols;
    return targets;
}();

/// The frequencies that the lanes of a round use. A symbol is given by how many starts are above
/// its own, two times: as bytes.
template <std::size_t Count>
class Avx2Places : Avx2Lanes {
public:
    [[gnu::always_inline]] inline Avx2Places(CdfTable<Count>& table, Vector context)
        : table_(&table) {
        static_assert(sizeof(Cdf) == 32);
        store(contexts_, context);
        store(offsets_, _mm256_slli_epi32(context, 5));
        reload();
    }
    [[gnu::always_inline]] inline void reload() {
        keep(contexts_);
        keep(offsets_);
    }
    /// For a slot that is there twice.
    [[gnu::always_inline]] inline std::uint64_t above(unsigned lane, std::uint32_t slots) {
        const __m256i starts = _mm256_load_si256(place(lane));
        const auto set =
            static_cast<unsigned>(_mm256_movemask_epi8(_mm256_cmpgt_epi16(starts, all(slots))));
        return static_cast<std::uint64_t>(_mm_popcnt_u64(set));
    }
    /// The start of a symbol and that of the next; behind the last is the 0 of the next Cdf.
    [[gnu::always_inline]] inline int pair(unsigned lane, std::uint64_t above) {
        constexpr std::size_t last = sizeof(Cdf) - sizeof(std::uint16_t);
        const std::size_t at = offsets_[lane] + last - above;
        int both;
        std::memcpy(&both, reinterpret_cast<const std::byte*>(table_->cdf.data()) + at,
                    sizeof both);
        return both;
    }
    /// Whether all of them learn slowly, as nearly all do after a while.
    [[gnu::always_inline]] [[nodiscard]] inline bool settled() const {
        static_assert(uses_settled == 0xff);
        unsigned uses = uses_settled;
        for (unsigned lane = 0; lane < lanes; ++lane) uses &= table_->used[contexts_[lane]];
        return uses == uses_settled;
    }
    /// Also those that do not.
    [[gnu::always_inline]] inline void learn_fast(unsigned lane, std::uint32_t symbol) {
        const std::uint32_t context = contexts_[lane];
        Avx2Cdf::update(table_->cdf[context], symbol, table_->next_rate(context));
    }
    [[gnu::always_inline]] inline void learn(unsigned lane, std::uint64_t above) {
        __m256i* const cdf = place(lane);
        const __m256i now = _mm256_load_si256(cdf);
        const __m256i target = _mm256_add_epi16(
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(
                reinterpret_cast<const std::byte*>(sliding_targets.step.data()) + above)),
            _mm256_load_si256(reinterpret_cast<const __m256i*>(cdf_targets.back().start.data())));
        static_assert(cdf_half_steps.back() == 0x0080);
        const __m256i way = _mm256_adds_epi16(_mm256_sub_epi16(target, now), every<0x00800080>());
        _mm256_store_si256(cdf,
                           _mm256_add_epi16(now, _mm256_srai_epi16(way, learning_rates.back())));
    }

private:
    [[gnu::always_inline]] inline __m256i* place(unsigned lane) {
        return reinterpret_cast<__m256i*>(reinterpret_cast<std::byte*>(table_->cdf.data()) +
                                          offsets_[lane]);
    }

    CdfTable<Count>* table_;
    alignas(32) Lanes<std::uint32_t> contexts_;
    alignas(32) Lanes<std::uint32_t> offsets_;
};

}  // namespace strandline::delta::number
