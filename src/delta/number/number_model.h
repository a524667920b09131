#pragma once

#include <array>
#include <cstdint>

#include "delta/number/cdf.h"

namespace strandline::delta::number {

/// How fast a Cdf learns after it has been used so many times: fast at first.
inline constexpr auto learning_rates = [] {
    // Uses from which on a rate is too fast: about as many as an average of all would take.
    constexpr std::array<unsigned, 6> until{2, 6, 16, 44, 120, 250};
    constexpr unsigned first_rate = 2;
    std::array<std::uint8_t, until.back() + 1> rates{};
    for (unsigned used = 0; used < rates.size(); ++used) {
        unsigned rate = first_rate;
        for (const auto limit : until) rate += used >= limit ? 1 : 0;
        rates[used] = static_cast<std::uint8_t>(rate);
    }
    return rates;
}();

/// A table of frequencies, one for each context.
template <std::size_t Count>
struct CdfTable {
    std::array<Cdf, Count> cdf;
    std::array<std::uint8_t, Count> used;

    /// The rate of the next update of a context, which is counted.
    [[gnu::always_inline]] inline unsigned next_rate(std::size_t context) {
        std::uint8_t& uses = used[context];
        const unsigned rate = learning_rates[uses];
        uses = static_cast<std::uint8_t>(uses + (uses < learning_rates.size() - 1 ? 1 : 0));
        return rate;
    }
    void reset() {
        for (auto& one : cdf) one.reset();
        used.fill(0);
    }
};

/// What coding of numbers of one kind has learned; about 22 KiB. One per kind of number that takes
/// turns in a segment.
struct NumberModel {
    static constexpr unsigned scale_steps = 176;  ///< expected sizes, 1/4 bit each
    static constexpr unsigned drifts = 3;
    static constexpr unsigned detail_contexts = 112;

    CdfTable<scale_steps * drifts> size;
    CdfTable<symbols> large;  ///< sizes of differences that do not fit a symbol
    CdfTable<detail_contexts> detail;

    NumberModel() { reset(); }
    void reset() {
        size.reset();
        large.reset();
        detail.reset();
    }
};

}  // namespace strandline::delta::number
