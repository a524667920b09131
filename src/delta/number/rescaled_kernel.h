#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "delta/number/number_work.h"
#include "delta/number/symbol_reader.h"
#include "delta/number/symbol_writer.h"

// Signed bytes that are expected to be old ones times a ratio, a group at a time: one template that
// writes or reads; format.md section 4.6.
namespace strandline::delta::number {

/// Follows the mean error of what was expected.
class ErrorLevel {
public:
    static constexpr unsigned levels = 15;
    static constexpr std::int32_t most = 64;  ///< errors above count as this

    [[gnu::always_inline]] [[nodiscard]] inline unsigned level() const {
        unsigned level = 0;
        for (const int limit : limits) level += mean_ >= limit * fine ? 1 : 0;
        return level;
    }
    /// `count` errors (up to 8) had this sum.
    [[gnu::always_inline]] inline void learn(std::int32_t errors, std::int32_t count) {
        mean_ += ((errors << 8) * fine - count * mean_) >> 5;
    }

private:
    static constexpr std::int32_t fine = 32;
    static constexpr std::array<std::int32_t, levels - 1> limits{
        24, 48, 80, 112, 152, 200, 264, 360, 512, 720, 1024, 1448, 2048, 4096};
    std::int32_t mean_ = 128 * fine;
};

template <class Ops, class Io>
class RescaledKernel {
public:
    explicit RescaledKernel(NumberModel& model) : model_(&model) {}

    /// `exact` is the old number times its ratio and 4096, with a half added.
    [[gnu::always_inline]] inline void group(Io& io, Lanes<std::int8_t>& word,
                                             const Lanes<std::int32_t>& exact, unsigned count) {
        const unsigned level = level_.level();
        const unsigned low = low_bits[level];
        Lanes<std::uint32_t> context{};
        Lanes<std::uint32_t> symbol{};
        Lanes<std::uint32_t> bits{};
        Lanes<std::uint32_t> value{};
        Lanes<std::int32_t> turn{};  // -1 where a difference changes its sign
        for (unsigned lane = 0; lane < count; ++lane) {
            const auto place = static_cast<std::uint32_t>(exact[lane] >> (ratio_bits - 4)) % 16;
            // Half of the places are mirrors of the others.
            turn[lane] = place >= places ? -1 : 0;
            context[lane] = level * places + (place >= places ? 2 * places - 1 - place : place);
            if constexpr (Io::writes) {
                const auto away = turned(word[lane] - (exact[lane] >> ratio_bits), turn[lane]);
                const auto offset = static_cast<std::uint32_t>((away >> low) + longest);
                symbol[lane] = std::min(offset, escape_symbol);
                value[lane] =
                    static_cast<std::uint32_t>(symbol[lane] == escape_symbol ? word[lane] : away);
            }
        }
        io.template symbols<Ops, false>(model_->size, context, symbol, count);
        for (unsigned lane = 0; lane < count; ++lane)
            bits[lane] = symbol[lane] == escape_symbol ? 8 : low;
        io.bits(bits, value);
        std::int32_t errors = 0;
        for (unsigned lane = 0; lane < count; ++lane) {
            const std::int32_t expected = exact[lane] >> ratio_bits;
            if constexpr (!Io::writes) {
                const std::int32_t high = static_cast<std::int32_t>(symbol[lane]) - longest;
                const std::int32_t away =
                    high * (1 << low) + static_cast<std::int32_t>(value[lane]);
                const std::int32_t near = expected + turned(away, turn[lane]);
                word[lane] = static_cast<std::int8_t>(
                    symbol[lane] == escape_symbol ? static_cast<std::int32_t>(value[lane]) : near);
            }
            const std::int32_t error = word[lane] - expected;
            errors += std::min(error < 0 ? -error : error, ErrorLevel::most);
        }
        level_.learn(errors, static_cast<std::int32_t>(count));
    }

private:
    static constexpr std::uint32_t escape_symbol = 15;
    static constexpr std::int32_t longest = 7;
    static constexpr std::uint32_t places = 8;  // between two whole numbers, up to the middle
    // Lowest bits of a difference that are not worth a symbol, by level.
    static constexpr std::array<std::uint8_t, ErrorLevel::levels> low_bits{0, 0, 0, 0, 0, 0, 0, 0,
                                                                           0, 1, 1, 2, 2, 3, 4};

    [[gnu::always_inline]] static inline std::int32_t turned(std::int32_t away, std::int32_t turn) {
        return (away ^ turn) - turn;
    }

    NumberModel* model_;
    ErrorLevel level_;
};

/// Codes all numbers of `work`, which are in the rows of `rows`; false if what is read ends early.
template <class Ops, class Io>
bool run_rescaled(Work& work, const RatioRows& rows, NumberModel& model, Io& io) {
    RescaledKernel<Ops, Io> kernel(model);
    std::uint64_t column = rows.phase;
    std::size_t row = 0;
    for (std::size_t at = 0; at < work.count; at += lanes) {
        if (at % (lanes * SymbolReader::chunk_groups) == 0 && !io.more()) return false;
        const auto count = static_cast<unsigned>(std::min<std::size_t>(lanes, work.count - at));
        Lanes<std::int32_t> exact{};
        Lanes<std::int8_t> word{};
        for (unsigned lane = 0; lane < count; ++lane, ++column) {
            if (column == rows.columns) {
                column = 0;
                ++row;
            }
            const auto old = static_cast<std::int8_t>(work.reference[at + lane]);
            exact[lane] = old * (one_ratio + rows.ratios[row]) + one_ratio / 2;
            if constexpr (Io::writes)
                word[lane] = static_cast<std::int8_t>(work.numbers[at + lane]);
        }
        kernel.group(io, word, exact, count);
        if constexpr (!Io::writes) {
            for (unsigned lane = 0; lane < count; ++lane)
                work.out[at + lane] = static_cast<std::byte>(word[lane]);
        }
    }
    return io.more();
}

}  // namespace strandline::delta::number
