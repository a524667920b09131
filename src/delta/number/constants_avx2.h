#pragma once

#include <array>
#include <cstdint>

#include "delta/number/lanes.h"

namespace strandline::delta::number {

/// Numbers that the code for AVX2 wants in all lanes of a register. GCC 12 makes such constants
/// anew in each turn of a loop, by three instructions; from memory whose contents it does not know
/// they come with the instruction that uses them.
inline constexpr std::array<std::uint32_t, 36> repeated_values{
    1,       3,         4,     7,          8,         11,     14,         15,         16,
    24,      31,        32,    35,         39,        63,     64,         112,        126,
    175,     176,       255,   528,        0x7fff,    0xffff, 0xfffff,    0x7fffffff, 0x80808000,
    1 << 28, ~0u << 28, 40960, 0u - 40960, 0u - 2048, ~0u,    0x00800080, 128,        2048};

/// Where a number stands in `repeated_values`; their count if it does not.
[[nodiscard]] constexpr std::size_t place_of_repeated(std::uint32_t value) {
    std::size_t place = 0;
    while (place < repeated_values.size() && repeated_values[place] != value) ++place;
    return place;
}

struct alignas(32) RepeatedValues {
    std::array<Lanes<std::uint32_t>, repeated_values.size()> of;
};
#if defined(__GNUC__)
[[gnu::visibility("hidden")]]
#endif
extern const RepeatedValues repeated_in_memory;

}  // namespace strandline::delta::number
