#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "delta/number/cdf.h"
#include "delta/number/lanes.h"

namespace strandline::delta::number {

/// Uses of a Cdf are counted from this number to 255, where all bits are ones.
inline constexpr unsigned uses_settled = 255;
inline constexpr unsigned uses_at_first = uses_settled - 250;

/// How fast a Cdf learns after it has been used so many times: fast at first.
inline constexpr auto learning_rates = [] {
    // Uses from which on a rate is too fast: about as many as an average of all would take.
    constexpr std::array<unsigned, 6> until{2, 6, 16, 44, 120, uses_settled - uses_at_first};
    constexpr unsigned first_rate = 2;
    std::array<std::uint8_t, uses_settled + 1> rates{};
    for (unsigned used = 0; used < rates.size(); ++used) {
        unsigned rate = first_rate;
        for (const auto limit : until) rate += used >= limit + uses_at_first ? 1 : 0;
        rates[used] = static_cast<std::uint8_t>(rate);
    }
    return rates;
}();

/// A table of frequencies, one for each context. Behind them are spare ones, which code for all
/// lanes at once gives to those that take no part, and a last one, as the start of each is read
/// together with the end of the one before.
template <std::size_t Count>
struct CdfTable {
    std::array<Cdf, Count + lanes + 1> cdf;
    std::array<std::uint8_t, Count + lanes> used;

    /// The rate of the next update of a context, which is counted.
    [[gnu::always_inline]] inline unsigned next_rate(std::size_t context) {
        std::uint8_t& uses = used[context];
        const unsigned rate = learning_rates[uses];
        uses = static_cast<std::uint8_t>(uses + (uses < uses_settled ? 1 : 0));
        return rate;
    }
    void reset() {
        for (auto& one : cdf) one.reset();
        used.fill(uses_at_first);
        std::fill(used.begin() + Count, used.end(), static_cast<std::uint8_t>(uses_settled));
    }
};

/// What coding of numbers of one kind has learned; about 23 KiB. One per kind of number that takes
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
