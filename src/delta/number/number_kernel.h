#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "delta/number/column_memory.h"
#include "delta/number/magnitudes.h"
#include "delta/number/number_format.h"
#include "delta/number/number_method.h"
#include "delta/number/scale_tracker.h"

// Differences of numbers, a group at a time: one template that writes or reads, so that both cannot
// disagree; format.md section 4.5.
namespace strandline::delta::number {

template <class FormatType, Method How, class Ops, class Io, bool ByColumn = false>
class DifferenceKernel {
public:
    using Format = FormatType;
    using Word = typename Format::Word;
    using Wide = WideOf<Word>;

    DifferenceKernel(NumberModel& model, std::int32_t start, const ColumnMemory& columns)
        : model_(&model), scale_(start), columns_(columns) {}

    /// Codes the first `count` lanes; all of them if `Full`. False if a length is impossible.
    template <bool Full>
    [[gnu::always_inline]] inline bool group(Io& io, Lanes<Word>& word, const Lanes<Word>& old,
                                             unsigned count) {
        if constexpr (Full) count = lanes;
        Group all;
        if constexpr (!Full) all = {};
        std::uint32_t means = 0;
        if constexpr (ByColumn) {
            expect_by_column(all, old, count);
        } else {
            means = expect(all, old, count);
        }
        if constexpr (Io::writes) compare(all, word, old, count);
        io.template symbols<Ops, Full>(model_->size, all.context, all.symbol, count);
        understand(all, count);
        if (all.escapes != 0) [[unlikely]]
            escape(io, *model_, all);
        const bool right = code_magnitudes<Ops>(io, *model_, all.details, all.magnitudes);
        if constexpr (!Io::writes) apply(all, word, old, count);
        if constexpr (ByColumn) {
            learn_by_column(all, count);
        } else {
            std::int32_t lengths = 0;
            for (unsigned lane = 0; lane < count; ++lane) lengths += length_in(all, lane);
            scale_.learn(lengths, means);
        }
        return right;
    }

    static constexpr bool by_column = ByColumn;
    /// By rows: how many numbers the next group has at most.
    [[gnu::always_inline]] [[nodiscard]] inline std::size_t most_in_group() const {
        return columns_.most_in_group();
    }

    /// What a first guess of the noise is made from.
    static std::uint32_t length_of(Word word, Word old) {
        const Wide away = difference(word, old);
        const Wide sign = away >> (width - 1);
        return static_cast<std::uint32_t>(
            std::bit_width(static_cast<Wide>((away ^ (0 - sign)) + sign)));
    }
    static constexpr std::int32_t scale_of(Word old) {
        return How == Method::absolute ? Format::scale(old) * one_bit : 0;
    }
    /// Lengths from which on a difference is as large as the number, or as the steps know.
    static constexpr std::int32_t most =
        std::min(Format::is_float ? std::int32_t{Format::fraction_bits} + 1 : 64, 35) * one_bit;

private:
    template <class, Method, class, bool>
    friend class Avx2DifferenceKernel;

    static constexpr unsigned width = 8 * sizeof(Wide);
    // Differences expected to be shorter than 7/4 bits are coded whole by one symbol, -7 to 7.
    static constexpr std::uint32_t whole_steps = (7 * one_bit / 4 - lowest_expected) >> step_bits;
    static constexpr std::uint32_t longest_whole = 7;
    static constexpr std::uint32_t escape_symbol = 15;
    static constexpr std::uint32_t zero_symbol = 14;
    // Symbol 0 for a length stands for the expected one, less 8 bits, less the 8 bits by which the
    // steps start below 0.
    static constexpr std::uint32_t lengths_below = 16;
    static constexpr unsigned length_bits = 7;

    struct Group {
        Lanes<std::uint32_t> step;
        Lanes<std::uint32_t> context;
        Lanes<std::uint32_t> symbol{};
        Lanes<std::int32_t> mean;    // by column: the length that is expected,
        Lanes<std::int32_t> growth;  // and how much a step more makes
        Magnitudes<Wide> magnitudes;
        unsigned escapes = 0;  // lanes
        unsigned details = 0;
    };

    // Positive when the magnitude grows.
    [[gnu::always_inline]] static inline Wide difference(Word word, Word old) {
        const auto away = static_cast<Wide>(Format::ordered(word) - Format::ordered(old));
        const Wide flip = Format::is_float && Format::negative(old) ? 1 : 0;
        return static_cast<Wide>((away ^ (0 - flip)) + flip);
    }

    [[gnu::always_inline]] inline std::uint32_t expect(Group& all, const Lanes<Word>& old,
                                                       unsigned count) const {
        const std::int32_t mixed = scale_.mixed() - lowest_expected;
        const std::uint32_t row = scale_.drift() * expected_steps;
        for (unsigned lane = 0; lane < count; ++lane) {
            const std::int32_t step = (mixed - scale_of(old[lane])) >> step_bits;
            all.step[lane] =
                static_cast<std::uint32_t>(std::clamp(step, 0, std::int32_t{expected_steps} - 1));
            all.context[lane] = row + all.step[lane];
        }
        std::uint32_t means = 0;
        for (unsigned lane = 0; lane < count; ++lane) means += mean_steps<most>[all.step[lane]];
        return means;
    }

    // As expect(), with what is known of each lane's column.
    [[gnu::always_inline]] inline void expect_by_column(Group& all, const Lanes<Word>& old,
                                                        unsigned count) {
        const std::int32_t mixed = scale_.mixed() - lowest_expected;
        const std::uint32_t row = scale_.drift() * expected_steps;
        const Lanes<std::int32_t>& offset = columns_.next(count);
        for (unsigned lane = 0; lane < count; ++lane) {
            const std::int32_t expected = mixed - scale_of(old[lane]) + offset[lane];
            all.step[lane] = static_cast<std::uint32_t>(
                std::clamp(expected >> step_bits, 0, std::int32_t{expected_steps} - 1));
            all.context[lane] = row + all.step[lane];
            const std::uint32_t step = mean_steps<most>[all.step[lane]];
            all.growth[lane] = static_cast<std::int32_t>(step >> mean_bits);
            const std::int32_t within = expected & ((1 << step_bits) - 1);
            all.mean[lane] = static_cast<std::int32_t>(step & ((1u << mean_bits) - 1)) +
                             (all.growth[lane] * within >> step_bits);
        }
    }

    [[gnu::always_inline]] inline void learn_by_column(const Group& all, unsigned count) {
        Lanes<std::int32_t> surprise{};
        std::int32_t sum = 0;
        std::int32_t growth = 0;
        for (unsigned lane = 0; lane < count; ++lane) {
            surprise[lane] = length_in(all, lane) - all.mean[lane];
            sum += surprise[lane];
            growth += all.growth[lane];
        }
        columns_.learn(surprise, count);
        scale_.adjust(sum, growth);
    }

    [[gnu::always_inline]] static inline std::int32_t length_in(const Group& all, unsigned lane) {
        return std::min(static_cast<std::int32_t>(all.magnitudes.length[lane]) * one_bit, most);
    }

    [[gnu::always_inline]] static inline void compare(Group& all, const Lanes<Word>& word,
                                                      const Lanes<Word>& old, unsigned count) {
        for (unsigned lane = 0; lane < count; ++lane) {
            const Wide away = difference(word[lane], old[lane]);
            const Wide sign = away >> (width - 1);
            const auto size = static_cast<Wide>((away ^ (0 - sign)) + sign);
            const auto length = static_cast<std::uint32_t>(std::bit_width(size));
            const Wide whole = away + longest_whole;
            const std::uint32_t offset = length + lengths_below - all.step[lane] / 4;
            const std::uint32_t by_length = length == 0            ? zero_symbol
                                            : offset < zero_symbol ? offset
                                                                   : escape_symbol;
            all.symbol[lane] = all.step[lane] >= whole_steps ? by_length
                               : whole < escape_symbol       ? static_cast<std::uint32_t>(whole)
                                                             : escape_symbol;
            all.magnitudes.size[lane] = size;
            all.magnitudes.sign[lane] = sign;
            all.magnitudes.length[lane] = length;
        }
    }

    // What symbols say of lengths and, when reading, of whole differences. Short loops without
    // branches, which compilers turn into vector code.
    [[gnu::always_inline]] static inline void understand(Group& all, unsigned count) {
        auto& magnitudes = all.magnitudes;
        Lanes<std::uint32_t> whole;
        Lanes<std::uint32_t> length;
        for (unsigned lane = 0; lane < count; ++lane) {
            whole[lane] = all.step[lane] < whole_steps ? ~0u : 0u;
            length[lane] = all.step[lane] / 4 - lengths_below + all.symbol[lane];
        }
        for (unsigned lane = 0; lane < count; ++lane) {
            const std::uint32_t symbol = all.symbol[lane];
            const std::uint32_t by_length = 4 + symbol * 4 + all.step[lane] % 4;
            magnitudes.context[lane] = length[lane] < 4 ? length[lane] : by_length;
            all.escapes |= (symbol == escape_symbol ? 1u : 0u) << lane;
            all.details |= (~whole[lane] & (symbol < zero_symbol ? 1u : 0u)) << lane;
        }
        if constexpr (!Io::writes) take(all, whole, length, count);
    }
    // Lanes of `whole` say all of their difference, the others its length.
    [[gnu::always_inline]] static inline void take(Group& all, const Lanes<std::uint32_t>& whole,
                                                   const Lanes<std::uint32_t>& length,
                                                   unsigned count) {
        for (unsigned lane = 0; lane < count; ++lane) {
            const std::uint32_t symbol = all.symbol[lane];
            const std::uint32_t negative = symbol < longest_whole ? ~0u : 0u;
            const std::uint32_t size = ((symbol - longest_whole) ^ negative) - negative;
            const std::uint32_t bits =
                (size > 0 ? 1u : 0u) + (size > 1 ? 1u : 0u) + (size > 3 ? 1u : 0u);
            const std::uint32_t rest = symbol == zero_symbol ? 0 : length[lane];
            all.magnitudes.size[lane] = size & whole[lane];
            all.magnitudes.sign[lane] = negative & whole[lane] & 1;
            all.magnitudes.length[lane] = (bits & whole[lane]) | (rest & ~whole[lane]);
        }
    }

    // Lengths that do not fit the symbols, in the order of lanes.
    [[gnu::noinline]] static void escape(Io& io, NumberModel& model, Group& all) {
        constexpr std::uint32_t shortest = 4;  // at least 8
        auto& magnitudes = all.magnitudes;
        for (unsigned set = all.escapes; set != 0; set &= set - 1) {
            const auto lane = static_cast<unsigned>(std::countr_zero(set));
            std::uint32_t& length = magnitudes.length[lane];
            const bool whole = all.step[lane] < whole_steps;
            bool more = true;
            if (whole) {
                Lanes<std::uint32_t> rest{};
                if constexpr (Io::writes) rest[lane] = std::min(length - shortest, escape_symbol);
                io.template symbols_of<Ops>(1u << lane, model.large, {}, rest);
                more = rest[lane] == escape_symbol;
                length = more ? length : rest[lane] + shortest;
            }
            if (more) length = static_cast<std::uint32_t>(io.bits(length_bits, length));
            const std::uint32_t by_length =
                length < 4 ? length & 3 : 4 + escape_symbol * 4 + all.step[lane] % 4;
            magnitudes.context[lane] = whole ? 3 : by_length;
        }
        all.details |= all.escapes;
    }

    [[gnu::always_inline]] static inline void apply(const Group& all, Lanes<Word>& word,
                                                    const Lanes<Word>& old, unsigned count) {
        for (unsigned lane = 0; lane < count; ++lane) {
            const Wide flip = Format::is_float && Format::negative(old[lane]) ? 1 : 0;
            const Wide sign = all.magnitudes.sign[lane] ^ flip;
            const Wide away = (all.magnitudes.size[lane] ^ (0 - sign)) + sign;
            word[lane] = Format::from_ordered(Format::ordered(old[lane]) + away);
        }
    }

    NumberModel* model_;
    ScaleTracker scale_;
    ColumnCursor columns_;
};

}  // namespace strandline::delta::number
