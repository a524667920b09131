#pragma once

#include <array>
#include <cstdint>

#include "delta/number/cdf.h"

namespace strandline::delta::number {

/// A Cdf in a model learns fast at first: the rate goes from 4 to 7 as it is used.
struct Learner {
    static constexpr unsigned first_rate = 4;
    static constexpr unsigned last_rate = 8;
    std::uint8_t used = 0;

    unsigned next_rate() {
        constexpr std::array<std::uint8_t, 4> until{12, 40, 120, 250};
        const unsigned rate = first_rate + (used >= until[0]) + (used >= until[1]) +
                              (used >= until[2]) + (used >= until[3]);
        used = static_cast<std::uint8_t>(used + (used < until[3]));
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
