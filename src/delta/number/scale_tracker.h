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
    1,   1,   2,   2,   2,   3,    3,    4,    5,    6,    7,    8,    9,    11,
    13,  16,  19,  22,  26,  31,   37,   44,   53,   62,   74,   88,   105,  125,
    148, 175, 205, 238, 273, 311,  351,  394,  439,  485,  534,  584,  635,  688,
    742, 798, 854, 911, 969, 1028, 1088, 1149, 1210, 1272, 1334, 1396, 1459, 1522};
inline constexpr std::int32_t lowest_expected = -8 * one_bit;

/// The bit length to be expected of a difference when `expected` says log2 of the noise.
[[nodiscard]] inline std::int32_t mean_of(std::int32_t expected) {
    const auto step = (std::max(expected, lowest_expected) - lowest_expected) >> 6;
    const auto last = static_cast<std::int32_t>(mean_length.size()) - 1;
    return step > last ? expected : mean_length[static_cast<std::size_t>(step)];
}

/// Follows the size of the noise, as log2: a slow and a fast average. Both are kept in 1/65536 bit,
/// so that what they learn is never rounded; all else is in 1/256 bit.
class ScaleTracker {
public:
    static constexpr unsigned fine = 256;

    ScaleTracker() = default;
    explicit ScaleTracker(std::int32_t start) : slow_(start * std::int32_t{fine}), fast_(slow_) {}

    [[nodiscard]] std::int32_t slow() const { return slow_ >> 8; }
    /// What both say together.
    [[nodiscard]] std::int32_t mixed() const { return (3 * (slow_ >> 8) + (fast_ >> 8)) >> 2; }
    /// 0 to 2: the noise is getting smaller, stays, gets larger.
    [[nodiscard]] unsigned drift() const {
        constexpr std::int32_t limit = 160 * std::int32_t{fine};
        const std::int32_t change = fast_ - slow_;
        return 1u + (change > limit ? 1u : 0u) - (change < -limit ? 1u : 0u);
    }
    /// A difference was `length` long, of a number of scale `scale`. Lengths of `most` and more say
    /// no more than "large".
    void learn(std::int32_t length, std::int32_t scale, std::int32_t most) {
        const std::int32_t seen = std::min(length, most);
        slow_ += (seen - std::min(mean_of((slow_ >> 8) - scale), most)) * slow_weight;
        fast_ += (seen - std::min(mean_of((fast_ >> 8) - scale), most)) * fast_weight;
    }
    /// How much longer than expected a difference is.
    [[nodiscard]] std::int32_t surprise(std::int32_t length, std::int32_t scale,
                                        std::int32_t most) const {
        return std::min(length, most) - std::min(mean_of(mixed() - scale), most);
    }
    /// The same of a size that is known as it is.
    void follow(std::int32_t size) {
        slow_ += (size - (slow_ >> 8)) * slow_weight;
        fast_ += (size - (fast_ >> 8)) * fast_weight;
    }

private:
    static constexpr std::int32_t slow_weight = fine / 128;
    static constexpr std::int32_t fast_weight = fine / 16;

    std::int32_t slow_ = 0;
    std::int32_t fast_ = 0;
};

}  // namespace strandline::delta::number
