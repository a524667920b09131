#pragma once

// Only for files that are compiled for AVX2 and run after has_avx2() said so.
#include "delta/number/rescaled_kernel.h"
#include "delta/number/rounds_avx2.h"

namespace strandline::delta::number {

/// RescaledKernel with a lane of a register for each number of a group.
template <class Io>
class Avx2RescaledKernel : Avx2Lanes {
    using Plain = RescaledKernel<Avx2Cdf, Io>;

public:
    explicit Avx2RescaledKernel(NumberModel& model) : model_(&model) {}

    template <bool Full>
    [[gnu::always_inline]] inline void group(Io& io, Lanes<std::int8_t>& word,
                                             const Lanes<std::int8_t>& old,
                                             const Lanes<std::int32_t>& factors, unsigned count) {
        const Vector present = Full ? every<~0u>() : mask(first_lanes(count));
        const unsigned level = this->level();
        const unsigned low = Plain::low_bits[level];
        const Vector exact =
            _mm256_add_epi32(_mm256_mullo_epi32(widen(old), load(factors)), every<one_ratio / 2>());
        const Vector expected = _mm256_srai_epi32(exact, ratio_bits);
        const Vector place = _mm256_and_si256(_mm256_srli_epi32(exact, ratio_bits - 4),
                                              every<2 * Plain::places - 1>());
        const Vector turn = _mm256_cmpgt_epi32(place, every<Plain::places - 1>());
        const Vector mirrored =
            _mm256_xor_si256(place, _mm256_and_si256(turn, every<2 * Plain::places - 1>()));
        const Vector context = _mm256_add_epi32(all(level * Plain::places), mirrored);
        Vector symbol = _mm256_setzero_si256();
        Vector now = _mm256_setzero_si256();
        Vector value = _mm256_setzero_si256();
        if constexpr (Io::writes) {
            now = widen(word);
            const Vector away = turned(_mm256_sub_epi32(now, expected), turn);
            const Vector offset =
                _mm256_add_epi32(_mm256_sra_epi32(away, shift(low)), every<Plain::longest>());
            symbol = _mm256_min_epu32(offset, every<Plain::escape_symbol>());
            value = choose(is_escape(symbol), now, away);
        }
        symbol = Avx2Rounds::symbols<Full>(io, model_->size, context, symbol, present);
        const Vector escapes = _mm256_and_si256(is_escape(symbol), present);
        if (low != 0 || set(escapes) != 0) {
            const Vector bits =
                _mm256_and_si256(choose(escapes, every<Plain::escaped_bits>(), all(low)), present);
            value = Avx2Rounds::bits(io, bits, value);
        }
        if constexpr (!Io::writes) {
            const Vector high = _mm256_sub_epi32(symbol, every<Plain::longest>());
            const Vector away = _mm256_add_epi32(_mm256_sll_epi32(high, shift(low)), value);
            const Vector near = _mm256_add_epi32(expected, turned(away, turn));
            now = _mm256_slli_epi32(choose(escapes, value, near), 24);
            now = _mm256_srai_epi32(now, 24);
            narrow(word, now);
        }
        const Vector error = _mm256_min_epi32(_mm256_abs_epi32(_mm256_sub_epi32(now, expected)),
                                              every<ErrorLevel::most>());
        const Vector errors = sum(Full ? error : _mm256_and_si256(error, present));
        level_.learn(_mm256_cvtsi256_si32(errors), static_cast<std::int32_t>(count));
    }

private:
    [[gnu::always_inline]] static inline __m128i shift(unsigned bits) {
        return _mm_cvtsi32_si128(static_cast<int>(bits));
    }
    [[gnu::always_inline]] static inline Vector turned(Vector away, Vector turn) {
        return _mm256_sub_epi32(_mm256_xor_si256(away, turn), turn);
    }
    [[gnu::always_inline]] static inline Vector is_escape(Vector symbol) {
        return _mm256_cmpeq_epi32(symbol, every<Plain::escape_symbol>());
    }

    // As ErrorLevel::level().
    [[gnu::always_inline]] [[nodiscard]] inline unsigned level() const {
        const Vector mean = all(static_cast<std::uint32_t>(level_.mean()));
        const Vector above = _mm256_packs_epi32(_mm256_cmpgt_epi32(mean, load(below_limits[0])),
                                                _mm256_cmpgt_epi32(mean, load(below_limits[1])));
        return static_cast<unsigned>(
                   std::popcount(static_cast<unsigned>(_mm256_movemask_epi8(above)))) /
               2;
    }
    static constexpr auto below_limits = [] {
        std::array<Lanes<std::int32_t>, 2> below{};
        for (unsigned i = 0; i < 2 * lanes; ++i) {
            below[i / lanes][i % lanes] = i < ErrorLevel::limits.size()
                                              ? ErrorLevel::limits[i] * ErrorLevel::fine - 1
                                              : INT32_MAX;
        }
        return below;
    }();

    NumberModel* model_;
    ErrorLevel level_;
};

}  // namespace strandline::delta::number
