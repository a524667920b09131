#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace strandline::delta::number {

/// In sizes and scales one bit is this much.
inline constexpr std::int32_t one_bit = 256;

/// Mean bit length of a difference of normal noise, by the expected length in quarters of a bit
/// from -8 on. Below about 6 bits the grid of whole steps makes it differ from the expectation.
inline constexpr std::array<std::int16_t, 56> mean_length{
    1,   1,   2,   2,   2,   3,   3,   4,   5,   6,   7,   8,   9,   11,  13,  16,  19,   22,   26,
    31,  37,  44,  53,  62,  74,  88,  105, 125, 148, 175, 205, 238, 273, 311, 351, 394,  439,  485,
    534, 584, 635, 688, 742, 798, 854, 911, 969, 1028, 1088, 1149, 1210, 1272, 1334, 1396, 1459, 1522};
inline constexpr std::int32_t lowest_expected = -8 * one_bit;

/// The bit length to be expected of a difference when `expected` says log2 of the noise.
[[nodiscard]] inline std::int32_t mean_of(std::int32_t expected) {
    const auto step = (std::max(expected, lowest_expected) - lowest_expected) >> 6;
    const auto last = static_cast<std::int32_t>(mean_length.size()) - 1;
    return step > last ? expected : mean_length[static_cast<std::size_t>(step)];
}

/// Follows the size of the noise, as log2 in 1/256 bit: a slow and a fast average.
struct ScaleTracker {
    static constexpr int slow_shift = 6;
    static constexpr int fast_shift = 3;
    std::int32_t slow = 0;
    std::int32_t fast = 0;

    /// What both say together.
    [[nodiscard]] std::int32_t mixed() const { return (slow + fast) >> 1; }
    /// 0 to 2: the noise is getting smaller, stays, gets larger.
    [[nodiscard]] unsigned drift() const {
        const std::int32_t d = fast - slow;
        return 1u + (d > 160 ? 1u : 0u) - (d < -160 ? 1u : 0u);
    }
    /// A difference was `length` bits long, of a number of scale `scale`; both in 1/256 bit.
    /// Lengths of `most` and more say no more than "large".
    void learn(std::int32_t length, std::int32_t scale, std::int32_t most) {
        const std::int32_t seen = std::min(length, most);
        slow += (seen - std::min(mean_of(slow - scale), most)) >> slow_shift;
        fast += (seen - std::min(mean_of(fast - scale), most)) >> fast_shift;
    }
};

}  // namespace strandline::delta::number
