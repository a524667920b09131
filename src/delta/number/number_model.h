#pragma once

#include <array>
#include <cstdint>

#include "delta/number/cdf.h"

namespace strandline::delta::number {

/// A Cdf in a model learns fast at first: the rate goes from 2 to 8 as it is used.
struct Learner {
    static constexpr unsigned first_rate = 2;
    static constexpr unsigned last_rate = 8;
    std::uint8_t used = 0;

    unsigned next_rate() {
        // Uses from which on a rate is too fast: about as many as an average of all would take.
        constexpr std::array<std::uint8_t, last_rate - first_rate> until{2, 6, 16, 44, 120, 250};
        unsigned rate = first_rate;
        for (const auto limit : until) rate += used >= limit ? 1 : 0;
        used = static_cast<std::uint8_t>(used + (used < until.back() ? 1 : 0));
        return rate;
    }
};

/// A table of frequencies, one for each context.
template <std::size_t Count>
struct CdfTable {
    std::array<Cdf, Count> cdf;
    std::array<Learner, Count> learner;

    void reset() {
        for (auto& one : cdf) one.reset();
        learner.fill({});
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
