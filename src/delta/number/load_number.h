#pragma once

#include <bit>
#include <cstdint>

#include "delta/layout/tensor.h"
#include "delta/number/number_format.h"

namespace strandline::delta::number {

/// Exact value of one number of a type with exponent, up to binary32. Nothing on the way is
/// subnormal: whoever uses the library may have told the processor to take such numbers for 0.
template <ElementType type>
[[nodiscard]] inline double load_number(const std::byte* at) {
    if constexpr (type == ElementType::f32) {
        return std::bit_cast<float>(load_word<std::uint32_t>(at));
    } else if constexpr (type == ElementType::bf16) {
        return std::bit_cast<float>(std::uint32_t{load_word<std::uint16_t>(at)} << 16);
    } else {
        static_assert(type == ElementType::f16);
        constexpr std::uint32_t infinity = 0x7c00;
        constexpr std::uint32_t smallest_normal = 0x0400;
        constexpr std::uint32_t other_bias = (127U - 15) << 23;
        const std::uint32_t bits = load_word<std::uint16_t>(at);
        const std::uint32_t magnitude = bits & 0x7fffU;
        const std::uint32_t bias = magnitude >= infinity ? 2 * other_bias : other_bias;
        const std::uint32_t normal = (magnitude << 13) + bias;
        const float small = static_cast<float>(static_cast<int>(magnitude)) * 0x1p-24F;
        const std::uint32_t value =
            magnitude < smallest_normal ? std::bit_cast<std::uint32_t>(small) : normal;
        // Half of all numbers are negative, so no processor could guess a branch.
        return std::bit_cast<float>(value | (bits & 0x8000U) << 16);
    }
}

/// The same for a type that is known late; 0 for others.
[[nodiscard]] inline double value_at(ElementType type, const std::byte* at) {
    if (type == ElementType::f32) return load_number<ElementType::f32>(at);
    if (type == ElementType::f16) return load_number<ElementType::f16>(at);
    if (type == ElementType::bf16) return load_number<ElementType::bf16>(at);
    return 0;
}

}  // namespace strandline::delta::number
