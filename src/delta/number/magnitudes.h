#pragma once

#include <cstdint>
#include <type_traits>

#include "delta/number/lanes.h"
#include "delta/number/number_model.h"

namespace strandline::delta::number {

/// Bits below the leading one that are coded by a symbol, with the sign.
inline constexpr unsigned top_bits = 3;
inline constexpr unsigned top_mask = (1u << top_bits) - 1;

/// Differences on their way through a group. Arithmetic is modulo 2^32, or 2^64 for long numbers.
template <class Word>
using WideOf = std::conditional_t<sizeof(Word) == 8, std::uint64_t, std::uint32_t>;

template <class Wide>
struct Magnitudes {
    Lanes<std::uint32_t> length;   ///< in bits, with the leading one
    Lanes<std::uint32_t> context;  ///< of the table of details
    Lanes<Wide> size;              ///< what is coded
    Lanes<Wide> sign;              ///< 0 or 1
};

/// The highest bits of sizes, below the leading one, with their signs.
template <class Wide>
struct Tops {
    Lanes<std::uint32_t> coded;    ///< all ones in the lanes that have them
    Lanes<std::uint32_t> rest;     ///< raw bits below
    Lanes<std::uint32_t> missing;  ///< bits that there are not
    Lanes<std::uint32_t> top{};

    [[gnu::always_inline]] inline void take_from(const Magnitudes<Wide>& all) {
        for (unsigned lane = 0; lane < lanes; ++lane) {
            top[lane] = static_cast<std::uint32_t>(
                (all.size[lane] >> rest[lane] << missing[lane] & top_mask) | all.sign[lane]
                                                                                 << top_bits);
        }
    }
    [[gnu::always_inline]] inline void put_into(Magnitudes<Wide>& all,
                                                const Lanes<Wide>& low) const {
        for (unsigned lane = 0; lane < lanes; ++lane) {
            const Wide high = static_cast<Wide>(top_mask + 1) | (top[lane] & top_mask);
            const Wide size = (high << rest[lane] >> missing[lane]) | low[lane];
            const Wide sign = top[lane] >> top_bits;
            all.size[lane] = coded[lane] != 0 ? size : all.size[lane];
            all.sign[lane] = coded[lane] != 0 ? sign : all.sign[lane];
        }
    }
};

/// Codes sign and size of the lanes of a set, which have their length; the other lanes keep theirs.
/// False if a length is impossible.
template <class Ops, class Wide, class Io>
[[gnu::always_inline]] inline bool code_magnitudes(Io& io, NumberModel& model, unsigned set,
                                                   Magnitudes<Wide>& all) {
    constexpr unsigned width = 8 * sizeof(Wide);
    Tops<Wide> tops;
    std::uint32_t wrong = 0;
    for (unsigned lane = 0; lane < lanes; ++lane) tops.coded[lane] = 0u - (set >> lane & 1);
    for (unsigned lane = 0; lane < lanes; ++lane) {
        const std::uint32_t below = all.length[lane] - 1;
        wrong |= below >= width ? tops.coded[lane] : 0;
        const std::uint32_t bits = below < width ? below & tops.coded[lane] : 0;
        tops.rest[lane] = bits > top_bits ? bits - top_bits : 0;
        tops.missing[lane] = bits < top_bits ? top_bits - bits : 0;
    }
    if constexpr (Io::writes) tops.take_from(all);
    io.template symbols_of<Ops>(set, model.detail, all.context, tops.top);
    if constexpr (Io::writes) {
        io.bits(tops.rest, all.size);
    } else {
        Lanes<Wide> low;
        io.bits(tops.rest, low);
        tops.put_into(all, low);
    }
    return wrong == 0;
}

}  // namespace strandline::delta::number
