#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace strandline::delta::number {

/// Numbers are coded in groups of so many. What one of them teaches is used for the next group
/// only, so that none has to wait for another, and the processor works on all of them at once.
inline constexpr unsigned lanes = 8;

template <class Value>
using Lanes = std::array<Value, lanes>;

/// A bit for each of the first `count` lanes.
[[nodiscard]] constexpr unsigned first_lanes(unsigned count) { return (1u << count) - 1; }

/// Fewer numbers than this have one state, as states cost four bytes each.
inline constexpr std::size_t few_numbers = 512;

/// How many states of range coding code `count` numbers; a power of two.
[[nodiscard]] constexpr unsigned states_for(std::size_t count) {
    return count < few_numbers ? 1 : lanes;
}

/// A state is never below this between symbols; renormalised by 16 bits.
inline constexpr std::uint32_t rans_low = 1u << 16;

}  // namespace strandline::delta::number
