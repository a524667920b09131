#pragma once

#include <cstdint>
#include <span>

#include "delta/number/lanes.h"
#include "delta/number/number_work.h"

namespace strandline::delta::number {

// Range coding by states works like a stack: the last symbol goes first, and words are filled in
// from the end.

/// Puts symbols into the first `used` states. `entries` has rounds of one for each lane: start and
/// frequency in 16 bits each, or 0 for none. `words` has room for a word each and 8 more; returns
/// how many are used, at its end.
[[nodiscard]] std::size_t pack(std::span<const std::uint32_t> entries, unsigned used,
                               Lanes<std::uint32_t>& states, std::span<std::uint16_t> words);

/// The same for eight states, for processors with AVX2.
[[nodiscard]] std::size_t pack_avx2(std::span<const std::uint32_t> entries,
                                    Lanes<std::uint32_t>& states, std::span<std::uint16_t> words);

}  // namespace strandline::delta::number
