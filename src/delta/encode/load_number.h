#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "delta/layout/tensor.h"
#include "delta/number/number_format.h"

namespace strandline::delta {

/// The same as number::value_at() without a call for each number.
template <ElementType type>
[[nodiscard]] inline double load_number(const std::byte* at) {
    if constexpr (type == ElementType::f32) {
        return std::bit_cast<float>(number::load_word<std::uint32_t>(at));
    } else if constexpr (type == ElementType::bf16) {
        return std::bit_cast<float>(std::uint32_t{number::load_word<std::uint16_t>(at)} << 16);
    } else {
        // Exponent and fraction in the place that they have in 32 bits, and the bias by a product,
        // which is exact for subnormal numbers, too; infinities are left as large numbers.
        const std::uint32_t bits = number::load_word<std::uint16_t>(at);
        const auto magnitude = std::bit_cast<float>((bits & 0x7fffu) << 13) * 0x1p112F;
        constexpr float beyond = 65536;
        const float value = magnitude < beyond ? magnitude : std::numeric_limits<float>::infinity();
        return (bits & 0x8000u) != 0 ? -value : value;
    }
}

}  // namespace strandline::delta
