#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "delta/number/column_memory.h"
#include "delta/number/number_coder.h"
#include "delta/number/number_format.h"
#include "delta/number/scale_tracker.h"

// The inner loops of number_coder.cpp: one template that writes or reads, so that both cannot
// disagree.
namespace strandline::delta::number {

// Differences expected to be shorter than this are coded whole by one symbol, -7 to 7.
inline constexpr std::int32_t whole_below = 7 * one_bit / 4;
inline constexpr unsigned escape = 15;
inline constexpr unsigned zero_symbol = 14;
inline constexpr std::int32_t longest_whole = 7;
// Symbols for lengths start this far below the expected one.
inline constexpr std::int32_t lengths_below = 8;
inline constexpr unsigned length_bits = 7;
inline constexpr unsigned exponent_escape_bits = 11;
// Bits below the leading one that are coded by a symbol, with the sign.
inline constexpr unsigned top_bits = 3;

// Everything that one of the two interleaved rows of numbers remembers.
struct Row {
    ScaleTracker scale;
    ScaleTracker old_scale;  // for `direct`
};

// One number under way.
struct Step {
    std::int32_t scale = 0;
    std::int32_t length = 0;  // of the difference, or the exponent
    unsigned detail = 0;      // context
    bool has_detail = false;
    std::int16_t* column = nullptr;  // where columns are told apart
    std::uint64_t value = 0;         // signed difference, or the magnitude of a direct number
};

template <class Format, Method How, class Ops, class Io, bool ByColumn = false>
class NumberKernel {
public:
    using Word = typename Format::Word;
    static constexpr bool direct = How == Method::direct && Format::is_float;

    NumberKernel(NumberModel& model, Io& io, std::int32_t start, const ColumnMemory& columns = {})
        : model_(&model), io_(&io), columns_(columns) {
        for (auto& row : rows_) row.scale = ScaleTracker(start);
    }

    // Two neighbours, each in its own row: the processor works on both at once.
    [[gnu::always_inline]] inline void pair(std::array<Word, 2>& word,
                                            const std::array<Word, 2>& old) {
        std::array<Step, 2> step;
        size<0>(step[0], word[0], old[0]);
        size<1>(step[1], word[1], old[1]);
        detail<0>(step[0], word[0], old[0]);
        detail<1>(step[1], word[1], old[1]);
    }
    [[gnu::always_inline]] inline void single(Word& word, Word old) {
        Step step;
        size<0>(step, word, old);
        detail<0>(step, word, old);
    }
    [[nodiscard]] bool bad() const { return bad_; }

private:
    template <unsigned Lane, std::size_t Count>
    [[gnu::always_inline]] inline unsigned code(CdfTable<Count>& table, std::size_t context,
                                                unsigned value) {
        return io_->template symbol<Ops, Lane>(table.cdf[context],
                                               table.learner[context].next_rate(), value);
    }

    template <unsigned Lane>
    [[gnu::always_inline]] inline void size(Step& step, Word word, Word old) {
        if constexpr (direct) {
            direct_size<Lane>(step, word, old);
        } else {
            difference_size<Lane>(step, word, old);
        }
    }
    template <unsigned Lane>
    [[gnu::always_inline]] inline void detail(Step& step, Word& word, Word old) {
        if constexpr (direct) {
            direct_detail<Lane>(step, word, old);
        } else {
            difference_detail<Lane>(step, word, old);
        }
    }

public:
    static std::int32_t scale_of(Word old) {
        return How == Method::absolute ? Format::scale(old) * one_bit : 0;
    }
    // Lengths from which on a difference is as large as the number.
    static constexpr std::int32_t most =
        (Format::is_float ? std::int32_t{Format::fraction_bits} + 1 : 64) * one_bit;

    // What the size is expected to be at first: of up to `count` numbers of which `at` gives the
    // new and the old one.
    template <class At>
    static std::int32_t start_of(std::size_t count, const At& at) {
        constexpr std::size_t sample = 2048;
        count = std::min(count, sample);
        std::int64_t sum = 0;
        std::int64_t seen = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const auto [word, old] = at(i);
            if constexpr (direct) {
                sum += Format::exponent(word) * one_bit;
                seen += word != 0 ? 1 : 0;
            } else if (const auto length =
                           length_of(Format::ordered(word) - Format::ordered(old))) {
                sum += length * one_bit + scale_of(old);
                ++seen;
            }
        }
        if (seen == 0) return 0;
        ScaleTracker tracker(static_cast<std::int32_t>(sum / seen));
        if constexpr (direct) return tracker.slow();
        for (int pass = 0; pass < 2; ++pass) {
            for (std::size_t i = 0; i < count; ++i) {
                const auto [word, old] = at(i);
                tracker.learn(length_of(Format::ordered(word) - Format::ordered(old)) * one_bit,
                              scale_of(old), most);
            }
        }
        return tracker.slow();
    }

private:
    template <unsigned Lane>
    [[gnu::always_inline]] inline void difference_size(Step& step, Word word, Word old) {
        Row& row = rows_[Lane];
        step.scale = scale_of(old);
        if constexpr (ByColumn) {
            step.column = columns_.next();
            step.scale -= *step.column;
        }
        const std::int32_t expected = row.scale.mixed() - step.scale;
        const auto quarter = static_cast<unsigned>(std::clamp(
            (expected - lowest_expected) >> 6, 0, std::int32_t{NumberModel::scale_steps} - 1));
        const std::size_t context = row.scale.drift() * NumberModel::scale_steps + quarter;
        const bool flip = Format::is_float && Format::negative(old);
        std::uint64_t away = 0;  // difference; positive when the magnitude grows
        if constexpr (Io::writes) {
            away = Format::ordered(word) - Format::ordered(old);
            away = flip ? std::uint64_t{0} - away : away;
            step.length = length_of(away);
        }
        if (static_cast<std::int32_t>(quarter) * 64 + lowest_expected < whole_below) {
            whole<Lane>(step, context, away);
        } else {
            const std::int32_t base = static_cast<std::int32_t>(quarter / 4) - 8 - lengths_below;
            length<Lane>(step, context, base, quarter % 4);
        }
        step.value = away;
        if constexpr (ByColumn) {
            const std::int32_t size = step.length * one_bit;
            columns_.learn(step.column, row.scale.surprise(size, step.scale, most));
        }
        row.scale.learn(step.length * one_bit, step.scale, most);
    }

    static std::int32_t length_of(std::uint64_t away) {
        const std::uint64_t negative = std::uint64_t{0} - (away >> 63);
        return static_cast<std::int32_t>(std::bit_width((away ^ negative) - negative));
    }

    template <unsigned Lane>
    [[gnu::always_inline]] inline void whole(Step& step, std::size_t context, std::uint64_t& away) {
        unsigned symbol = 0;
        if constexpr (Io::writes) {
            const std::uint64_t shifted = away + longest_whole;
            symbol = shifted < escape ? static_cast<unsigned>(shifted) : escape;
        }
        symbol = code<Lane>(model_->size, context, symbol);
        if (symbol != escape) {
            away = std::uint64_t{symbol} - longest_whole;
            step.length = length_of(away);
            return;
        }
        // At least 8, so at least 4 bits long.
        constexpr std::int32_t shortest = 4;
        unsigned rest = 0;
        if constexpr (Io::writes) {
            rest = static_cast<unsigned>(std::min(step.length - shortest, 15));
        }
        rest = code<Lane>(model_->large, 0, rest);
        if (rest == escape) {
            step.length = static_cast<std::int32_t>(
                io_->bits(length_bits, static_cast<std::uint64_t>(step.length)));
        } else {
            step.length = static_cast<std::int32_t>(rest) + shortest;
        }
        step.has_detail = true;
        step.detail = 3;
    }

    template <unsigned Lane>
    [[gnu::always_inline]] inline void length(Step& step, std::size_t context, std::int32_t base,
                                              unsigned fraction) {
        unsigned symbol = 0;
        if constexpr (Io::writes) {
            const std::int32_t offset = step.length - base;
            symbol = step.length == 0 ? zero_symbol
                     : offset >= 0 && offset < std::int32_t{zero_symbol}
                         ? static_cast<unsigned>(offset)
                         : escape;
        }
        symbol = code<Lane>(model_->size, context, symbol);
        if (symbol < zero_symbol) {
            step.length = base + static_cast<std::int32_t>(symbol);
        } else if (symbol == zero_symbol) {
            step.length = 0;
            return;
        } else {
            step.length = static_cast<std::int32_t>(
                io_->bits(length_bits, static_cast<std::uint64_t>(step.length)));
        }
        step.has_detail = true;
        step.detail =
            step.length < 4 ? static_cast<unsigned>(step.length) & 3 : 4 + symbol * 4 + fraction;
    }

    template <unsigned Lane>
    [[gnu::always_inline]] inline void difference_detail(Step& step, Word& word, Word old) {
        const bool flip = Format::is_float && Format::negative(old);
        if (step.has_detail) {
            const std::uint64_t sign = step.value >> 63;
            const std::uint64_t size = (step.value ^ (std::uint64_t{0} - sign)) + sign;
            const std::uint64_t magnitude =
                magnitude_of<Lane>(step, static_cast<unsigned>(sign), size);
            step.value = (magnitude ^ (std::uint64_t{0} - sign_)) + sign_;
        }
        if constexpr (!Io::writes) {
            const std::uint64_t away = flip ? std::uint64_t{0} - step.value : step.value;
            word = Format::from_ordered(Format::ordered(old) + away);
        }
    }

    // Codes sign and bits below the leading one of a number of step.length bits.
    template <unsigned Lane>
    [[gnu::always_inline]] inline std::uint64_t magnitude_of(const Step& step, unsigned sign,
                                                             std::uint64_t size) {
        auto below = static_cast<unsigned>(step.length - 1);
        if (below > 63) {
            bad_ = true;
            below = 0;
        }
        const unsigned rest = below > top_bits ? below - top_bits : 0;
        const unsigned missing = below < top_bits ? top_bits - below : 0;
        unsigned top = 0;
        if constexpr (Io::writes) {
            top = static_cast<unsigned>((size >> rest << missing) & ((1u << top_bits) - 1)) |
                  sign << top_bits;
        }
        top = code<2 + Lane>(model_->detail, step.detail, top);
        sign_ = top >> top_bits;
        const std::uint64_t high = (std::uint64_t{top} & ((1u << top_bits) - 1)) >> missing;
        const std::uint64_t low = io_->bits(rest, size & ((std::uint64_t{1} << rest) - 1));
        return std::uint64_t{1} << below | high << rest | low;
    }

    // Of six: how the old number's exponent compares with the mean of the old ones.
    static unsigned place_of(std::int32_t offset) {
        return static_cast<unsigned>(std::clamp((offset + 7 * one_bit / 2) >> 8, 0, 6));
    }

    template <unsigned Lane>
    [[gnu::always_inline]] inline void direct_size(Step& step, Word word, Word old) {
        Row& row = rows_[Lane];
        const std::int32_t old_exponent = Format::exponent(old) * one_bit;
        const unsigned place = place_of(old_exponent - row.old_scale.slow());
        row.old_scale.follow(old_exponent);
        std::int32_t offset_here = 0;
        if constexpr (ByColumn) {
            step.column = columns_.next();
            offset_here = *step.column;
        }
        const std::int32_t expected = row.scale.mixed() + offset_here;
        const unsigned fraction = static_cast<unsigned>(expected >> 6) & 3;
        const std::int32_t base = (expected >> 8) - 9;
        unsigned symbol = 0;
        if constexpr (Io::writes) {
            step.value = word & static_cast<Word>(Format::sign_bit - 1);
            step.length = Format::exponent(word);
            const std::int32_t offset = step.length - base;
            symbol = word == 0 ? zero_symbol
                     : offset >= 0 && offset < std::int32_t{zero_symbol}
                         ? static_cast<unsigned>(offset)
                         : escape;
        }
        symbol =
            code<Lane>(model_->size,
                       row.scale.drift() * NumberModel::scale_steps + place * 4 + fraction, symbol);
        if (symbol == zero_symbol) return;
        if (symbol == escape) {
            step.length = static_cast<std::int32_t>(
                io_->bits(exponent_escape_bits, static_cast<std::uint64_t>(step.length)));
        } else {
            step.length = base + static_cast<std::int32_t>(symbol);
        }
        step.has_detail = true;
        step.detail = place * symbols + symbol;
        if constexpr (ByColumn) columns_.learn(step.column, step.length * one_bit - expected);
        row.scale.follow(step.length * one_bit - offset_here);
    }

    template <unsigned Lane>
    [[gnu::always_inline]] inline void direct_detail(Step& step, Word& word, Word old) {
        constexpr unsigned rest =
            Format::fraction_bits > top_bits ? Format::fraction_bits - top_bits : 0;
        if (!step.has_detail) {
            word = 0;
            return;
        }
        const unsigned flip = Format::negative(old) ? 1u << top_bits : 0u;
        unsigned top = 0;
        if constexpr (Io::writes) {
            top = static_cast<unsigned>(step.value >> rest) & ((1u << top_bits) - 1);
            top |= Format::negative(word) ? 1u << top_bits : 0u;
            top ^= flip;
        }
        top = code<2 + Lane>(model_->detail, step.detail, top) ^ flip;
        const std::uint64_t low = io_->bits(rest, step.value & ((std::uint64_t{1} << rest) - 1));
        if constexpr (!Io::writes) {
            const std::uint64_t high = top & ((1u << top_bits) - 1);
            const auto exponent = static_cast<std::uint64_t>(step.length);
            word = static_cast<Word>((exponent << Format::fraction_bits | high << rest | low) &
                                     static_cast<Word>(Format::sign_bit - 1));
            if (top >> top_bits != 0) word = static_cast<Word>(word | Format::sign_bit);
        }
    }

    NumberModel* model_;
    Io* io_;
    ColumnCursor columns_;
    std::array<Row, 2> rows_{};
    std::uint64_t sign_ = 0;
    bool bad_ = false;
};

}  // namespace strandline::delta::number
