#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "delta/number/column_memory.h"
#include "delta/number/magnitudes.h"
#include "delta/number/number_format.h"
#include "delta/number/number_method.h"
#include "delta/number/scale_tracker.h"

// Floats by themselves: the old ones only tell what is likely; format.md section 4.5. One template
// that writes or reads.
namespace strandline::delta::number {

template <class FormatType, class Ops, class Io, bool ByColumn = false>
class DirectKernel {
public:
    using Format = FormatType;
    using Word = typename Format::Word;
    using Wide = WideOf<Word>;

    DirectKernel(NumberModel& model, std::int32_t start, const ColumnMemory& columns)
        : model_(&model), scale_(start), columns_(columns) {}

    /// Codes the first `count` lanes; all of them if `Full`. False for impossible exponents.
    template <bool Full>
    [[gnu::always_inline]] inline bool group(Io& io, Lanes<Word>& word, const Lanes<Word>& old,
                                             unsigned count) {
        if constexpr (Full) count = lanes;
        Group all;
        expect(all, old, count);
        if constexpr (Io::writes) {
            for (unsigned lane = 0; lane < count; ++lane) {
                const auto exponent = static_cast<std::uint32_t>(Format::exponent(word[lane]));
                all.exponent[lane] = exponent;
                all.symbol[lane] = word[lane] == 0 ? zero_symbol
                                   : exponent - all.base[lane] < zero_symbol
                                       ? exponent - all.base[lane]
                                       : escape_symbol;
            }
        }
        io.template symbols<Ops, Full>(model_->size, all.context, all.symbol, count);
        understand(io, all, count);
        learn(all, count);
        code_fractions(io, all, word, old, count);
        return (all.exponents >> (8 * sizeof(Word) - 1 - Format::fraction_bits)) == 0;
    }

    static constexpr bool by_column = ByColumn;
    /// By rows: how many numbers the next group has at most.
    [[gnu::always_inline]] [[nodiscard]] inline std::size_t most_in_group() const {
        return columns_.most_in_group();
    }

private:
    static constexpr std::uint32_t escape_symbol = 15;
    static constexpr std::uint32_t zero_symbol = 14;
    static constexpr std::uint32_t exponents_below = 9;
    static constexpr unsigned exponent_bits = 11;
    static constexpr unsigned fraction_rest =
        Format::fraction_bits > top_bits ? Format::fraction_bits - top_bits : 0;
    static constexpr Word fraction_mask = static_cast<Word>((Word{1} << Format::fraction_bits) - 1);

    struct Group {
        Lanes<std::uint32_t> place{};
        Lanes<std::uint32_t> base{};   // exponent of symbol 0
        Lanes<std::int32_t> offset{};  // of columns
        std::int32_t expected = 0;     // but for these
        Lanes<std::uint32_t> context{};
        Lanes<std::uint32_t> symbol{};
        Lanes<std::uint32_t> exponent{};
        unsigned details = 0;         // lanes
        std::uint32_t exponents = 0;  // all together
    };

    [[gnu::always_inline]] static inline std::int32_t offset_of(const Group& all, unsigned lane) {
        return ByColumn ? all.offset[lane] : 0;
    }

    // How the exponents of old numbers compare with the mean of the old ones, and what that makes
    // likely.
    [[gnu::always_inline]] inline void expect(Group& all, const Lanes<Word>& old, unsigned count) {
        all.expected = scale_.mixed();
        if constexpr (ByColumn) all.offset = columns_.next(count);
        const std::uint32_t row = scale_.drift() * expected_steps;
        const std::int32_t old_mean = old_scale_.slow();
        std::int32_t sum = 0;
        for (unsigned lane = 0; lane < count; ++lane) {
            const std::int32_t exponent = Format::exponent(old[lane]) * one_bit;
            sum += exponent;
            all.place[lane] = static_cast<std::uint32_t>(
                std::clamp((exponent - old_mean + 7 * one_bit / 2) >> 8, 0, 6));
            const std::int32_t expected = all.expected + offset_of(all, lane);
            all.base[lane] = static_cast<std::uint32_t>(expected >> 8) - exponents_below;
            all.context[lane] =
                row + all.place[lane] * 4 + (static_cast<std::uint32_t>(expected >> 6) & 3);
        }
        old_scale_.follow(sum, static_cast<std::int32_t>(count));
    }

    [[gnu::always_inline]] inline void understand(Io& io, Group& all, unsigned count) {
        unsigned escapes = 0;
        for (unsigned lane = 0; lane < count; ++lane) {
            const std::uint32_t symbol = all.symbol[lane];
            escapes |= (symbol == escape_symbol ? 1u : 0u) << lane;
            all.details |= (symbol != zero_symbol ? 1u : 0u) << lane;
            all.exponent[lane] = symbol < zero_symbol ? all.base[lane] + symbol
                                 : Io::writes         ? all.exponent[lane]
                                                      : 0;
            all.context[lane] = all.place[lane] * symbols + symbol;
        }
        for (; escapes != 0; escapes &= escapes - 1) {
            const auto lane = static_cast<unsigned>(std::countr_zero(escapes));
            all.exponent[lane] =
                static_cast<std::uint32_t>(io.bits(exponent_bits, all.exponent[lane]));
        }
    }

    // From exponents of numbers that are not 0.
    [[gnu::always_inline]] inline void learn(Group& all, unsigned count) {
        std::int32_t sum = 0;
        Lanes<std::int32_t> surprise{};
        for (unsigned lane = 0; lane < count; ++lane) {
            const std::uint32_t exponent = all.exponent[lane];
            all.exponents |= exponent;
            // Impossible ones are refused in the end, but must not overflow before.
            const auto size =
                static_cast<std::int32_t>(std::min(exponent, 1u << exponent_bits)) * one_bit -
                offset_of(all, lane);
            const std::int32_t coded = 0 - static_cast<std::int32_t>(all.details >> lane & 1);
            sum += size & coded;
            surprise[lane] = (size - all.expected) & coded;
        }
        if constexpr (ByColumn) columns_.learn(surprise, count);
        scale_.follow(sum, std::popcount(all.details));
    }

    [[gnu::always_inline]] inline void code_fractions(Io& io, Group& all, Lanes<Word>& word,
                                                      const Lanes<Word>& old, unsigned count) {
        Lanes<std::uint32_t> top{};
        Lanes<std::uint32_t> rest{};
        Lanes<Wide> low{};
        for (unsigned lane = 0; lane < count; ++lane) {
            rest[lane] = (all.details >> lane & 1) * fraction_rest;
            if constexpr (Io::writes) {
                const Word fraction = static_cast<Word>(word[lane] & fraction_mask);
                const bool minus = Format::negative(word[lane]) != Format::negative(old[lane]);
                low[lane] = fraction;
                top[lane] = static_cast<std::uint32_t>(fraction >> fraction_rest) |
                            (minus ? top_mask + 1 : 0);
            }
        }
        io.template symbols_of<Ops>(all.details, model_->detail, all.context, top);
        io.bits(rest, low);
        if constexpr (!Io::writes) {
            for (unsigned lane = 0; lane < count; ++lane) {
                const bool minus = (top[lane] > top_mask) != Format::negative(old[lane]);
                const auto value = static_cast<Word>(
                    Word{static_cast<Word>(all.exponent[lane])} << Format::fraction_bits |
                    Word{static_cast<Word>(top[lane] & top_mask)} << fraction_rest |
                    static_cast<Word>(low[lane]));
                const bool coded = (all.details >> lane & 1) != 0;
                word[lane] = coded ? static_cast<Word>(value | (minus ? Format::sign_bit : Word{0}))
                                   : Word{0};
            }
        }
    }

    NumberModel* model_;
    ScaleTracker scale_;
    ScaleTracker old_scale_;
    ColumnCursor columns_;
};

}  // namespace strandline::delta::number
