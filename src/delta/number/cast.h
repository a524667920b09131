#pragma once

#include <cstdint>

// Numbers in another type, the same on every processor; format.md section 3.2.
namespace strandline::delta::number {

/// Bits of a number in two bytes, as those of the same binary32; NaN keep their fraction.
[[nodiscard]] std::uint32_t from_float16(std::uint16_t bits);
[[nodiscard]] std::uint32_t from_bfloat16(std::uint16_t bits);

/// The nearest number in two bytes, of two equally near ones the even one, and infinity beyond the
/// largest; the upper fraction of NaN, with its first bit set.
[[nodiscard]] std::uint16_t to_float16(std::uint32_t bits);
[[nodiscard]] std::uint16_t to_bfloat16(std::uint32_t bits);

/// The integer nearest to value / scale, of two equally near ones the even one, plus `zero_point`,
/// within [least, most]. NaN give `zero_point`. `scale` is finite and above 0.
[[nodiscard]] std::int32_t quantised(float value, float scale, std::int32_t zero_point,
                                     std::int32_t least, std::int32_t most);

}  // namespace strandline::delta::number
