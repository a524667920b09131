#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "delta/number/number_work.h"
#include "delta/number/ratio_cursor.h"
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
    static constexpr std::int32_t fine = 32;
    static constexpr std::array<std::int32_t, levels - 1> limits{
        24, 48, 80, 112, 152, 200, 264, 360, 512, 720, 1024, 1448, 2048, 4096};

    [[gnu::always_inline]] [[nodiscard]] inline unsigned level() const {
        unsigned level = 0;
        for (const int limit : limits) level += mean_ >= limit * fine ? 1 : 0;
        return level;
    }
    [[gnu::always_inline]] [[nodiscard]] inline std::int32_t mean() const { return mean_; }
    /// `count` errors (up to 8) had this sum.
    [[gnu::always_inline]] inline void learn(std::int32_t errors, std::int32_t count) {
        mean_ += ((errors << 8) * fine - count * mean_) >> 5;
    }

private:
    std::int32_t mean_ = 128 * fine;
};

template <class Ops, class Io>
class RescaledKernel {
public:
    explicit RescaledKernel(NumberModel& model) : model_(&model) {}

    /// Codes the first `count` lanes; all of them if `Full`.
    template <bool Full>
    [[gnu::always_inline]] inline void group(Io& io, Lanes<std::int8_t>& word,
                                             const Lanes<std::int8_t>& old,
                                             const Lanes<std::int32_t>& factors, unsigned count) {
        if constexpr (Full) count = lanes;
        const unsigned level = level_.level();
        const unsigned low = low_bits[level];
        Lanes<std::uint32_t> context{};
        Lanes<std::uint32_t> symbol{};
        Lanes<std::uint32_t> bits{};
        Lanes<std::uint32_t> value{};
        Lanes<std::int32_t> expected{};
        Lanes<std::int32_t> turn{};  // -1 where a difference changes its sign
        for (unsigned lane = 0; lane < count; ++lane) {
            const std::int32_t exact = old[lane] * factors[lane] + one_ratio / 2;
            const auto place = static_cast<std::uint32_t>(exact >> (ratio_bits - 4)) % 16;
            expected[lane] = exact >> ratio_bits;
            // Half of the places are mirrors of the others.
            turn[lane] = place >= places ? -1 : 0;
            context[lane] = level * places + (place >= places ? 2 * places - 1 - place : place);
            if constexpr (Io::writes) {
                const auto away = turned(word[lane] - expected[lane], turn[lane]);
                const auto offset = static_cast<std::uint32_t>((away >> low) + longest);
                symbol[lane] = std::min(offset, escape_symbol);
                value[lane] =
                    static_cast<std::uint32_t>(symbol[lane] == escape_symbol ? word[lane] : away);
            }
        }
        io.template symbols<Ops, Full>(model_->size, context, symbol, count);
        for (unsigned lane = 0; lane < count; ++lane)
            bits[lane] = symbol[lane] == escape_symbol ? escaped_bits : low;
        io.bits(bits, value);
        if constexpr (!Io::writes) {
            for (unsigned lane = 0; lane < count; ++lane) {
                const std::int32_t high = static_cast<std::int32_t>(symbol[lane]) - longest;
                const std::int32_t away =
                    high * (1 << low) + static_cast<std::int32_t>(value[lane]);
                const std::int32_t near = expected[lane] + turned(away, turn[lane]);
                word[lane] = static_cast<std::int8_t>(
                    symbol[lane] == escape_symbol ? static_cast<std::int32_t>(value[lane]) : near);
            }
        }
        learn(word, expected, count);
    }

private:
    template <class>
    friend class Avx2RescaledKernel;

    static constexpr std::uint32_t escape_symbol = 15;
    static constexpr unsigned escaped_bits = 8;
    static constexpr std::int32_t longest = 7;
    static constexpr std::uint32_t places = 8;  // between two whole numbers, up to the middle
    // Lowest bits of a difference that are not worth a symbol, by level.
    static constexpr std::array<std::uint8_t, ErrorLevel::levels> low_bits{0, 0, 0, 0, 0, 0, 0, 0,
                                                                           0, 1, 1, 2, 2, 3, 4};

    [[gnu::always_inline]] static inline std::int32_t turned(std::int32_t away, std::int32_t turn) {
        return (away ^ turn) - turn;
    }

    [[gnu::always_inline]] inline void learn(const Lanes<std::int8_t>& word,
                                             const Lanes<std::int32_t>& expected, unsigned count) {
        std::int32_t errors = 0;
        for (unsigned lane = 0; lane < count; ++lane) {
            const std::int32_t error = word[lane] - expected[lane];
            errors += std::min(error < 0 ? -error : error, ErrorLevel::most);
        }
        level_.learn(errors, static_cast<std::int32_t>(count));
    }

    NumberModel* model_;
    ErrorLevel level_;
};

template <class Ops, class Io>
struct RescaledOf {
    using Kernel = RescaledKernel<Ops, Io>;
};
template <class Ops, class Io>
    requires(Ops::has_rounds)
struct RescaledOf<Ops, Io> {
    using Kernel = typename Ops::template Rescaled<Io>;
};

template <bool Full, class Kernel, class Io>
[[gnu::always_inline]] inline void rescaled_group(Work& work, Kernel& kernel, RatioCursor& ratios,
                                                  Io& io, std::size_t at, unsigned count) {
    Lanes<std::int8_t> old{};
    Lanes<std::int8_t> word{};
    std::memcpy(old.data(), work.reference + at, Full ? lanes : count);
    if constexpr (Io::writes) std::memcpy(word.data(), work.numbers + at, Full ? lanes : count);
    kernel.template group<Full>(io, word, old, ratios.next(count), count);
    if constexpr (!Io::writes) std::memcpy(work.out + at, word.data(), Full ? lanes : count);
}

/// Codes all numbers of `work`, which are in the rows of `rows`; false if what is read ends early.
template <class Ops, class Io>
bool run_rescaled(Work& work, const RatioRows& rows, NumberModel& model, Io& io) {
    if (work.count == 0) return io.more();
    typename RescaledOf<Ops, Io>::Kernel kernel(model);
    RatioCursor ratios(rows);
    const std::size_t whole = work.count / lanes * lanes;
    for (std::size_t at = 0; at < whole;) {
        if (!io.more()) return false;
        const std::size_t stop = std::min(whole, at + SymbolReader::chunk_groups * lanes);
        for (; at < stop; at += lanes) rescaled_group<true>(work, kernel, ratios, io, at, lanes);
    }
    if (const auto rest = static_cast<unsigned>(work.count - whole); rest > 0) {
        if (!io.more()) return false;
        rescaled_group<false>(work, kernel, ratios, io, whole, rest);
    }
    return io.more();
}

}  // namespace strandline::delta::number
