#pragma once

#include <cstdint>

namespace strandline {

/// IEEE 754 binary16 bits to the float of the same value; NaN stays NaN.
[[nodiscard]] float half_to_float(std::uint16_t bits);

/// Rounds to nearest, ties to even; beyond 65504 is infinity.
[[nodiscard]] std::uint16_t float_to_half(float value);

}  // namespace strandline
