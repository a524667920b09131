#pragma once

#include <algorithm>

#include "delta/coder/numbers_coder.h"

// How a payload of numbers begins, for its two sides: kind, method, loose bytes; format.md
// section 4.5.
namespace strandline::delta {

// Kind: type in bits 0-3, model in bits 4-5.
inline constexpr unsigned model_shift = 4;
inline constexpr unsigned fresh_bit = 0x40;
inline constexpr unsigned prediction_bit = 0x80;
// Method in bits 0-2.
inline constexpr unsigned skip_shift = 4;
inline constexpr unsigned columns_bit = 8;

// Loose bytes before the numbers, the numbers, loose bytes behind; in bytes.
struct Extent {
    std::size_t skip = 0;
    std::size_t numbers = 0;
    std::size_t tail = 0;
};

inline Extent extent_of(std::size_t size, const NumberMode& mode) {
    const std::size_t skip = std::min<std::size_t>(mode.skip, size);
    const std::size_t one = element_size(mode.type);
    const std::size_t numbers = (size - skip) / one * one;
    return {skip, numbers, size - skip - numbers};
}

}  // namespace strandline::delta
