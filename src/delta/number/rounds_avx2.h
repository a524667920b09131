#pragma once

// Only for files that are compiled for AVX2 and run after has_avx2() said so.
#include "delta/number/places_avx2.h"
#include "delta/number/symbol_reader.h"
#include "delta/number/symbol_writer.h"

namespace strandline::delta::number {

/// Rounds of symbols and bits for all lanes at once, by eight states. Lanes that take no part work
/// on frequencies that nobody else uses, so that there is nothing to branch on.
struct Avx2Rounds : Avx2Lanes {
    /// A symbol for each lane of `coded`, or, if `All`, for all of them.
    template <bool All, std::size_t Count>
    [[gnu::always_inline]] static inline Vector symbols(SymbolReader& io, CdfTable<Count>& table,
                                                        Vector context, Vector /*symbol*/,
                                                        Vector coded) {
        if constexpr (!All) context = with_spares<Count>(context, coded);
        const Vector states = load(io.states_);
        const Vector slot = _mm256_and_si256(states, every<probability_one - 1>());
        alignas(32) Lanes<std::uint32_t> slots;
        store(slots, _mm256_or_si256(slot, _mm256_slli_epi32(slot, 16)));
        keep(slots);
        Avx2Places<Count> at(table, context);
        const std::uint64_t above0 = at.above(0, slots[0]);
        const std::uint64_t above1 = at.above(1, slots[1]);
        const std::uint64_t above2 = at.above(2, slots[2]);
        const std::uint64_t above3 = at.above(3, slots[3]);
        const std::uint64_t above4 = at.above(4, slots[4]);
        const std::uint64_t above5 = at.above(5, slots[5]);
        const std::uint64_t above6 = at.above(6, slots[6]);
        const std::uint64_t above7 = at.above(7, slots[7]);
        const Vector pairs = _mm256_set_epi32(
            at.pair(7, above7), at.pair(6, above6), at.pair(5, above5), at.pair(4, above4),
            at.pair(3, above3), at.pair(2, above2), at.pair(1, above1), at.pair(0, above0));
        const std::uint64_t all_above = (above0 | above1 << 8 | (above2 | above3 << 8) << 16) |
                                        (above4 | above5 << 8 | (above6 | above7 << 8) << 16) << 32;
        advance<All>(io, states, slot, pairs, coded);
        at.reload();
        const Vector symbol =
            _mm256_sub_epi32(every<number::symbols - 1>(), _mm256_srli_epi32(widen(all_above), 1));
        if (!at.settled()) [[unlikely]] {
            learn_fast(at, symbol);
            return symbol;
        }
        at.learn(0, above0);
        at.learn(1, above1);
        at.learn(2, above2);
        at.learn(3, above3);
        at.learn(4, above4);
        at.learn(5, above5);
        at.learn(6, above6);
        at.learn(7, above7);
        return symbol;
    }
    /// For a set of lanes in arrays; others keep their symbol.
    template <class Io, std::size_t Count>
    [[gnu::always_inline]] static inline void symbols_of(unsigned set, Io& io,
                                                         CdfTable<Count>& table,
                                                         const Lanes<std::uint32_t>& context,
                                                         Lanes<std::uint32_t>& symbol) {
        const Vector coded = mask(set);
        const Vector before = load(symbol);
        const Vector after =
            symbols<false>(io, table, load(context), _mm256_and_si256(before, coded), coded);
        store(symbol, choose(coded, after, before));
    }
    /// Raw bits, up to 28 for each lane.
    [[gnu::always_inline]] static inline Vector bits(SymbolReader& io, Vector count,
                                                     Vector /*value*/) {
        // All together have up to 7 + 224 bits.
        const Vector from =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(io.bits_.at + io.bit_ / 8));
        Vector end = _mm256_add_epi32(count, _mm256_slli_si256(count, 4));
        end = _mm256_add_epi32(end, _mm256_slli_si256(end, 8));
        const Vector lower = _mm256_permutevar8x32_epi32(end, every<3>());
        end = _mm256_add_epi32(end, _mm256_blend_epi32(_mm256_setzero_si256(), lower, 0xf0));
        const Vector at = _mm256_add_epi32(_mm256_sub_epi32(end, count),
                                           all(static_cast<std::uint32_t>(io.bit_ % 8)));
        const Vector word = _mm256_srli_epi32(at, 5);
        const Vector shift = _mm256_and_si256(at, every<31>());
        const Vector low = _mm256_srlv_epi32(_mm256_permutevar8x32_epi32(from, word), shift);
        const Vector high =
            _mm256_sllv_epi32(_mm256_permutevar8x32_epi32(from, _mm256_add_epi32(word, every<1>())),
                              _mm256_sub_epi32(every<32>(), shift));
        const Vector most = _mm256_sllv_epi32(every<~0u>(), count);
        io.bit_ += static_cast<std::uint32_t>(_mm256_extract_epi32(end, 7));
        return _mm256_andnot_si256(most, _mm256_or_si256(low, high));
    }

    /// Notes a symbol for each lane of `coded`, or, if `All`, for all of them.
    template <bool All, std::size_t Count>
    [[gnu::always_inline]] static inline Vector symbols(SymbolWriter& io, CdfTable<Count>& table,
                                                        Vector context, Vector symbol,
                                                        Vector coded) {
        if constexpr (!All) context = with_spares<Count>(context, coded);
        alignas(32) Lanes<std::uint32_t> above;
        store(above, _mm256_slli_epi32(_mm256_sub_epi32(every<number::symbols - 1>(), symbol), 1));
        keep(above);
        Avx2Places<Count> at(table, context);
        const Vector pairs = _mm256_set_epi32(
            at.pair(7, above[7]), at.pair(6, above[6]), at.pair(5, above[5]), at.pair(4, above[4]),
            at.pair(3, above[3]), at.pair(2, above[2]), at.pair(1, above[1]), at.pair(0, above[0]));
        Vector entry = _mm256_or_si256(_mm256_slli_epi32(pairs, 16), frequency(pairs));
        if constexpr (!All) entry = _mm256_and_si256(entry, coded);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(io.log_.data() + io.logged_), entry);
        io.logged_ += lanes;
        if (!at.settled()) [[unlikely]] {
            learn_fast(at, symbol);
            return symbol;
        }
        at.learn(0, above[0]);
        at.learn(1, above[1]);
        at.learn(2, above[2]);
        at.learn(3, above[3]);
        at.learn(4, above[4]);
        at.learn(5, above[5]);
        at.learn(6, above[6]);
        at.learn(7, above[7]);
        return symbol;
    }
    /// The lowest bits of each value, up to 28.
    [[gnu::always_inline]] static inline Vector bits(SymbolWriter& io, Vector count, Vector value) {
        value = _mm256_andnot_si256(_mm256_sllv_epi32(every<~0u>(), count), value);
        // Neighbours together have up to 56.
        const Vector even = _mm256_blend_epi32(_mm256_setzero_si256(), value, 0x55);
        const Vector even_count = _mm256_blend_epi32(_mm256_setzero_si256(), count, 0x55);
        const Vector two =
            _mm256_or_si256(even, _mm256_sllv_epi64(_mm256_srli_epi64(value, 32), even_count));
        const Vector counts = _mm256_add_epi64(even_count, _mm256_srli_epi64(count, 32));
        alignas(32) std::array<std::uint64_t, lanes / 2> values;
        alignas(32) std::array<std::uint64_t, lanes / 2> lengths;
        _mm256_store_si256(reinterpret_cast<__m256i*>(values.data()), two);
        _mm256_store_si256(reinterpret_cast<__m256i*>(lengths.data()), counts);
        for (unsigned i = 0; i < lanes / 2; ++i)
            io.put_few(static_cast<unsigned>(lengths[i]), values[i]);
        return value;
    }

private:
    template <std::size_t Count>
    [[gnu::always_inline]] static inline Vector with_spares(Vector context, Vector coded) {
        return choose(coded, context, _mm256_add_epi32(every<Count>(), numbers()));
    }
    template <std::size_t Count>
    [[gnu::noinline]] static void learn_fast(Avx2Places<Count> at, Vector symbol) {
        Lanes<std::uint32_t> each;
        store(each, symbol);
        for (unsigned lane = 0; lane < lanes; ++lane) at.learn_fast(lane, each[lane]);
    }

    [[gnu::always_inline]] static inline Vector frequency(Vector pairs) {
        return _mm256_and_si256(_mm256_sub_epi32(_mm256_srli_epi32(pairs, 16), pairs),
                                every<probability_one - 1>());
    }
    template <bool All>
    [[gnu::always_inline]] static inline void advance(SymbolReader& io, Vector states, Vector slot,
                                                      Vector pairs, Vector coded) {
        const Vector share = frequency(pairs);
        const Vector start = _mm256_and_si256(pairs, every<0xffff>());
        // share x (state >> 15) in two parts that multiply fast.
        const Vector low = _mm256_and_si256(_mm256_srli_epi32(states, probability_bits),
                                            every<probability_one - 1>());
        const Vector high = _mm256_srli_epi32(states, 2 * probability_bits);
        const Vector product =
            _mm256_add_epi32(_mm256_madd_epi16(share, low),
                             _mm256_slli_epi32(_mm256_madd_epi16(share, high), probability_bits));
        const Vector next = _mm256_add_epi32(product, _mm256_sub_epi32(slot, start));
        Vector empty = _mm256_cmpeq_epi32(_mm256_srli_epi32(next, 16), _mm256_setzero_si256());
        if constexpr (!All) empty = _mm256_and_si256(empty, coded);
        const unsigned takers = set(empty);
        const Vector words = _mm256_permutevar8x32_epi32(
            _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(io.words_.at))),
            order(lane_orders.spread[takers]));
        Vector filled = choose(empty, _mm256_or_si256(_mm256_slli_epi32(next, 16), words), next);
        if constexpr (!All) filled = choose(coded, filled, states);
        store(io.states_, filled);
        io.words_.at += 2 * static_cast<unsigned>(std::popcount(takers));
    }
};

}  // namespace strandline::delta::number
