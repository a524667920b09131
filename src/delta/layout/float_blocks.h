#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "delta/layout/tensor.h"

namespace strandline::delta {

inline constexpr std::size_t float_block_bytes = 512;

/// A way to read bytes as numbers: those at `phase`, `phase` + element size, ...
struct FloatGrid {
    ElementType type = ElementType::f32;
    unsigned phase = 0;
    friend bool operator==(const FloatGrid&, const FloatGrid&) = default;
};

/// The exponent field of the number at `bytes`; nothing for zero.
[[nodiscard]] std::optional<int> exponent_of(ElementType type, ByteSpan number);

/// What a block holds.
struct FloatBlock {
    bool zeros = false;             ///< nearly nothing but zeros: goes with any neighbour
    std::optional<FloatGrid> grid;  ///< nothing: no weights
    int exponent = 0;               ///< the mean exponent, when there is a grid
};

/// `block`: up to float_block_bytes, whose phase counts from its first byte. `guess` is tried
/// first.
[[nodiscard]] FloatBlock classify_block(ByteSpan block, std::optional<FloatGrid> guess);

}  // namespace strandline::delta
