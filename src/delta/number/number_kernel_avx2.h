#pragma once

// Only for files that are compiled for AVX2 and run after has_avx2() said so.
#include "delta/number/number_kernel.h"
#include "delta/number/rounds_avx2.h"
#include "delta/number/scale_tracker_avx2.h"

namespace strandline::delta::number {

/// DifferenceKernel for numbers of up to 32 bits, with a lane of a register for each number of a
/// group.
template <class FormatType, Method How, class Io, bool ByColumn>
class Avx2DifferenceKernel : Avx2Lanes {
    using Plain = DifferenceKernel<FormatType, How, Avx2Cdf, Io, ByColumn>;

public:
    using Format = FormatType;
    using Word = typename Format::Word;
    static constexpr bool by_column = ByColumn;

    Avx2DifferenceKernel(NumberModel& model, std::int32_t start, const ColumnMemory& columns)
        : model_(&model), tracker_(start), columns_(columns) {}

    [[gnu::always_inline]] [[nodiscard]] inline std::size_t most_in_group() const {
        return columns_.most_in_group();
    }

    template <bool Full>
    [[gnu::always_inline]] inline bool group(Io& io, Lanes<Word>& word, const Lanes<Word>& old,
                                             unsigned count) {
        const Vector present = Full ? every<~0u>() : mask(first_lanes(count));
        const Vector before = widen(old);
        const Expected expected = expect(before, count);
        Vector symbol = _mm256_setzero_si256();
        Sizes sizes;
        if constexpr (Io::writes) symbol = compare(widen(word), before, expected.step, sizes);
        symbol = Avx2Rounds::symbols<Full>(io, model_->size, expected.context, symbol, present);
        Vector context;
        Vector coded = understand(expected.step, symbol, sizes, context);
        Vector escapes = _mm256_cmpeq_epi32(symbol, every<Plain::escape_symbol>());
        if constexpr (!Full) {
            coded = _mm256_and_si256(coded, present);
            escapes = _mm256_and_si256(escapes, present);
        }
        if (const unsigned set = Avx2Lanes::set(escapes); set != 0) [[unlikely]] {
            Vector length = sizes.length;
            Vector other = context;
            escape(io, *model_, set, expected.step, length, other);
            sizes.length = length;
            context = other;
            coded = _mm256_or_si256(coded, escapes);
        }
        learn<Full>(expected, sizes.length, present, count);
        const bool right = code_details(io, coded, context, sizes);
        if constexpr (!Io::writes) narrow(word, apply(before, sizes));
        return right;
    }

private:
    struct Expected {
        Vector step;
        Vector context;
        Vector mean;    // the length that is expected,
        Vector growth;  // and how much a step more makes
    };
    struct Sizes {
        Vector size;
        Vector sign;
        Vector length;
    };

    // Of numbers whose sign goes on to the left.
    [[gnu::always_inline]] static inline Vector ordered(Vector value) {
        if constexpr (!Format::is_float)
            return value;
        else
            return _mm256_xor_si256(value, _mm256_and_si256(_mm256_srai_epi32(value, 31),
                                                            every<Format::sign_bit - 1u>()));
    }
    // Numbers differ in their lowest bits only; the sign of what comes back does not go on.
    [[gnu::always_inline]] static inline Vector from_ordered(Vector value) {
        const Vector negative =
            _mm256_srai_epi32(_mm256_slli_epi32(value, 32 - static_cast<int>(Format::bits)), 31);
        if constexpr (!Format::is_float)
            return value;
        else
            return _mm256_xor_si256(value,
                                    _mm256_and_si256(negative, every<Format::sign_bit - 1u>()));
    }
    [[gnu::always_inline]] static inline Vector flipped(Vector old) {
        return Format::is_float ? _mm256_srli_epi32(old, 31) : _mm256_setzero_si256();
    }
    [[gnu::always_inline]] static inline Vector with_sign(Vector value, Vector sign) {
        const Vector negative = _mm256_sub_epi32(_mm256_setzero_si256(), sign);
        return _mm256_sub_epi32(_mm256_xor_si256(value, negative), negative);
    }

    [[gnu::always_inline]] inline Expected expect(Vector old, unsigned count) {
        Vector expected = _mm256_sub_epi32(tracker_.mixed(),
                                           every<(static_cast<std::uint32_t>(lowest_expected))>());
        if constexpr (How == Method::absolute) {
            const Vector field =
                _mm256_and_si256(_mm256_srli_epi32(old, static_cast<int>(Format::fraction_bits)),
                                 every<(1u << Format::exponent_bits) - 1>());
            expected = _mm256_sub_epi32(expected,
                                        _mm256_slli_epi32(_mm256_max_epi32(field, every<1>()), 8));
        }
        if constexpr (ByColumn) expected = _mm256_add_epi32(expected, load(columns_.next(count)));
        Expected result;
        result.step = _mm256_min_epi32(
            _mm256_max_epi32(_mm256_srai_epi32(expected, step_bits), _mm256_setzero_si256()),
            every<expected_steps - 1>());
        result.context = _mm256_add_epi32(tracker_.drift_row(), result.step);
        const Vector steps = means(result.step);
        result.growth = _mm256_srli_epi32(steps, mean_bits);
        const Vector mean = _mm256_and_si256(steps, every<(1u << mean_bits) - 1>());
        const Vector within = _mm256_and_si256(expected, every<(1u << step_bits) - 1>());
        if constexpr (ByColumn) {
            result.mean = _mm256_add_epi32(
                mean, _mm256_srli_epi32(_mm256_mullo_epi16(result.growth, within), step_bits));
        } else {
            // Interpolated once for all.
            result.mean = mean;
        }
        return result;
    }
    [[gnu::always_inline]] static inline Vector means(Vector step) {
        alignas(32) Lanes<std::uint32_t> at;
        store(at, step);
        keep(at);
        const auto mean = [&at](unsigned lane) {
            return static_cast<int>(mean_steps<Plain::most>[at[lane]]);
        };
        return _mm256_set_epi32(mean(7), mean(6), mean(5), mean(4), mean(3), mean(2), mean(1),
                                mean(0));
    }

    // The symbols, when writing.
    [[gnu::always_inline]] static inline Vector compare(Vector word, Vector old, Vector step,
                                                        Sizes& sizes) {
        const Vector away = with_sign(_mm256_sub_epi32(ordered(word), ordered(old)), flipped(old));
        sizes.sign = _mm256_srli_epi32(away, 31);
        sizes.size = _mm256_abs_epi32(away);
        sizes.length = bit_widths(sizes.size);
        const Vector escaped = every<Plain::escape_symbol>();
        const Vector whole =
            _mm256_min_epu32(_mm256_add_epi32(away, every<Plain::longest_whole>()), escaped);
        const Vector offset =
            _mm256_sub_epi32(_mm256_add_epi32(sizes.length, every<Plain::lengths_below>()),
                             _mm256_srli_epi32(step, 2));
        // Offsets from 14 on, also below 0, escape.
        const Vector large =
            _mm256_cmpeq_epi32(_mm256_max_epu32(offset, every<Plain::zero_symbol>()), offset);
        const Vector none = _mm256_cmpeq_epi32(sizes.size, _mm256_setzero_si256());
        const Vector by_length =
            choose(none, every<Plain::zero_symbol>(), choose(large, escaped, offset));
        return choose(is_whole(step), whole, by_length);
    }
    [[gnu::always_inline]] static inline Vector bit_widths(Vector value) {
        // Without the bit below the leading one nothing is rounded up.
        const Vector top = _mm256_andnot_si256(_mm256_srli_epi32(value, 1), value);
        const Vector real = _mm256_castps_si256(_mm256_cvtepi32_ps(top));
        const Vector width = _mm256_max_epi32(
            _mm256_sub_epi32(_mm256_srli_epi32(real, 23), every<126>()), _mm256_setzero_si256());
        return choose(_mm256_srai_epi32(value, 31), every<32>(), width);
    }
    [[gnu::always_inline]] static inline Vector is_whole(Vector step) {
        return _mm256_cmpgt_epi32(every<Plain::whole_steps>(), step);
    }

    // Which lanes have details, and in which contexts; when reading, also what symbols say of
    // lengths and of whole differences.
    [[gnu::always_inline]] static inline Vector understand(Vector step, Vector symbol, Sizes& sizes,
                                                           Vector& context) {
        const Vector whole = is_whole(step);
        const Vector length = _mm256_add_epi32(
            _mm256_sub_epi32(_mm256_srli_epi32(step, 2), every<Plain::lengths_below>()), symbol);
        const Vector by_length =
            _mm256_add_epi32(_mm256_add_epi32(every<4>(), _mm256_slli_epi32(symbol, 2)),
                             _mm256_and_si256(step, every<3>()));
        const Vector is_short =
            _mm256_cmpeq_epi32(_mm256_srli_epi32(length, 2), _mm256_setzero_si256());
        context = choose(is_short, length, by_length);
        if constexpr (!Io::writes) {
            const Vector distance = _mm256_sub_epi32(symbol, every<Plain::longest_whole>());
            // Bit lengths of -7 to 8, by symbols.
            const __m256i bits = _mm256_broadcastsi128_si256(
                _mm_setr_epi8(3, 3, 3, 3, 2, 2, 1, 0, 1, 2, 2, 3, 3, 3, 3, 3));
            const Vector whole_length =
                _mm256_shuffle_epi8(bits, _mm256_or_si256(symbol, every<0x80808000>()));
            const Vector zero = _mm256_cmpeq_epi32(symbol, every<Plain::zero_symbol>());
            sizes.size = _mm256_and_si256(whole, _mm256_abs_epi32(distance));
            sizes.sign = _mm256_and_si256(whole, _mm256_srli_epi32(distance, 31));
            sizes.length = choose(whole, whole_length, _mm256_andnot_si256(zero, length));
        }
        return _mm256_andnot_si256(whole, _mm256_cmpgt_epi32(every<Plain::zero_symbol>(), symbol));
    }
    // Seldom, so by the plain kernel.
    [[gnu::noinline]] static void escape(Io& io, NumberModel& model, unsigned set, Vector step,
                                         Vector& length, Vector& context) {
        typename Plain::Group group{};
        group.escapes = set;
        store(group.step, step);
        store(group.magnitudes.length, length);
        store(group.magnitudes.context, context);
        Plain::escape(io, model, group);
        length = load(group.magnitudes.length);
        context = load(group.magnitudes.context);
    }

    template <bool Full>
    [[gnu::always_inline]] inline void learn(const Expected& expected, Vector length,
                                             Vector present, unsigned count) {
        constexpr int bit_shift = 8;
        static_assert(one_bit == 1 << bit_shift && Plain::most % one_bit == 0);
        Vector lengths =
            _mm256_slli_epi32(_mm256_min_epi32(length, every<Plain::most / one_bit>()), bit_shift);
        Vector surprise = _mm256_sub_epi32(lengths, expected.mean);
        Vector growth = expected.growth;
        if constexpr (!Full) {
            surprise = _mm256_and_si256(surprise, present);
            growth = _mm256_and_si256(growth, present);
        }
        if constexpr (ByColumn) {
            Lanes<std::int32_t> each;
            store(each, surprise);
            columns_.learn(each, count);
            tracker_.adjust(sum(surprise), sum(growth));
        } else {
            growth = sum(growth);
            const Vector within =
                _mm256_and_si256(tracker_.mixed(), every<(1u << step_bits) - 1>());
            const Vector more = _mm256_srli_epi32(_mm256_mullo_epi16(growth, within), step_bits);
            tracker_.adjust(_mm256_sub_epi32(sum(surprise), more), growth);
        }
    }

    // As code_magnitudes().
    [[gnu::always_inline]] inline bool code_details(Io& io, Vector coded, Vector context,
                                                    Sizes& sizes) {
        if (set(coded) == 0) return true;
        const Vector below = _mm256_sub_epi32(sizes.length, every<1>());
        const Vector possible = _mm256_and_si256(
            coded, _mm256_cmpeq_epi32(_mm256_srli_epi32(below, 5), _mm256_setzero_si256()));
        const Vector bits = _mm256_and_si256(below, possible);
        const Vector rest = _mm256_subs_epu16(bits, every<top_bits>());
        const Vector missing = _mm256_subs_epu16(every<top_bits>(), bits);
        Vector top = _mm256_setzero_si256();
        if constexpr (Io::writes) {
            top = _mm256_sllv_epi32(_mm256_srlv_epi32(sizes.size, rest), missing);
            top = _mm256_or_si256(_mm256_and_si256(top, every<top_mask>()),
                                  _mm256_slli_epi32(sizes.sign, top_bits));
        }
        top = Avx2Rounds::symbols<false>(io, model_->detail, context, top, coded);
        const Vector low = Avx2Rounds::bits(io, rest, sizes.size);
        if constexpr (!Io::writes) {
            const Vector high =
                _mm256_or_si256(every<top_mask + 1>(), _mm256_and_si256(top, every<top_mask>()));
            const Vector size =
                _mm256_or_si256(_mm256_srlv_epi32(_mm256_sllv_epi32(high, rest), missing), low);
            sizes.size = choose(coded, size, sizes.size);
            sizes.sign = choose(coded, _mm256_srli_epi32(top, top_bits), sizes.sign);
        }
        return set(_mm256_xor_si256(possible, coded)) == 0;
    }

    [[gnu::always_inline]] static inline Vector apply(Vector old, const Sizes& sizes) {
        const Vector sign = _mm256_xor_si256(sizes.sign, flipped(old));
        return from_ordered(_mm256_add_epi32(ordered(old), with_sign(sizes.size, sign)));
    }

    NumberModel* model_;
    Avx2Tracker tracker_;
    ColumnCursor columns_;
};

}  // namespace strandline::delta::number
