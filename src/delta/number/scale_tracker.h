#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace strandline::delta::number {

/// In sizes and scales one bit is this much.
inline constexpr std::int32_t one_bit = 256;

/// Expected sizes are told apart by steps of a quarter of a bit, from here on.
inline constexpr std::int32_t lowest_expected = -8 * one_bit;
inline constexpr unsigned step_bits = 6;
inline constexpr unsigned expected_steps = 176;

/// Mean bit length of a difference of normal noise, at the start of each step from the lowest on.
/// Below about 6 bits the grid of whole numbers bends it; further up it grows by 64 a step.
inline constexpr std::array<std::int16_t, 56> mean_lengths{
    1,   1,   2,   2,   2,   3,    3,    4,    5,    6,    7,    8,    9,    11,
    13,  16,  19,  22,  26,  31,   37,   44,   53,   62,   74,   88,   105,  125,
    148, 175, 205, 238, 273, 311,  351,  394,  439,  485,  534,  584,  635,  688,
    742, 798, 854, 911, 969, 1028, 1088, 1149, 1210, 1272, 1334, 1396, 1459, 1522};

/// For each step the mean length, at most `Most`, in the low bits, and how much it grows until the
/// next step in the high ones. Both can be added up for several numbers.
inline constexpr unsigned mean_bits = 20;
template <std::int32_t Most>
inline constexpr auto mean_steps = [] {
    const auto mean = [](unsigned step) {
        constexpr unsigned last = mean_lengths.size() - 1;
        const std::int32_t length =
            step <= last ? mean_lengths[step]
                         : mean_lengths[last] + static_cast<std::int32_t>((step - last) * 64);
        return static_cast<std::uint32_t>(std::min(length, Most));
    };
    std::array<std::uint32_t, expected_steps> steps{};
    for (unsigned step = 0; step < expected_steps; ++step)
        steps[step] = mean(step) | (mean(step + 1) - mean(step)) << mean_bits;
    return steps;
}();

/// Follows the size of the noise, as log2: a slow and a fast average. Both are kept in 1/65536 bit,
/// so that what they learn is never rounded; all else is in 1/256 bit.
class ScaleTracker {
public:
    static constexpr std::int32_t fine = 256;
    /// How much both averages learn: a 256th and a 32nd.
    static constexpr int slow_shift = 0;
    static constexpr int fast_shift = 3;
    /// Far from all that occurs, so that nothing overflows and the way back is short.
    static constexpr std::int32_t furthest = 4096 * one_bit * fine;

    ScaleTracker() = default;
    explicit ScaleTracker(std::int32_t start) : slow_(start * fine), fast_(slow_) {}

    [[gnu::always_inline]] [[nodiscard]] inline std::int32_t slow() const { return slow_ >> 8; }
    /// What both say together.
    [[gnu::always_inline]] [[nodiscard]] inline std::int32_t mixed() const {
        return (3 * (slow_ >> 8) + (fast_ >> 8)) >> 2;
    }
    /// 0 to 2: the noise is getting smaller, stays, gets larger.
    [[gnu::always_inline]] [[nodiscard]] inline unsigned drift() const {
        constexpr std::int32_t limit = 160 * fine;
        const std::int32_t change = fast_ - slow_;
        return 1u + (change > limit ? 1u : 0u) - (change < -limit ? 1u : 0u);
    }
    /// Some differences (up to 8) were `lengths` long, all together; `means` is the sum of the mean
    /// steps that mixed() made expect of them, all at the same place within a step.
    [[gnu::always_inline]] inline void learn(std::int32_t lengths, std::uint32_t means) {
        const std::int32_t now = mixed();
        const auto growth = static_cast<std::int32_t>(means >> mean_bits);
        const auto expected = static_cast<std::int32_t>(means & ((1u << mean_bits) - 1));
        const std::int32_t within = now & ((1 << step_bits) - 1);
        adjust(lengths - expected - (growth * within >> step_bits), growth);
    }
    /// Some differences were longer than mixed() made expect by `surprise`, all together; of that,
    /// `growth` is what one step more would make.
    [[gnu::always_inline]] inline void adjust(std::int32_t surprise, std::int32_t growth) {
        const std::int32_t now = mixed();
        move(surprise + (growth * (now - (slow_ >> 8)) >> step_bits),
             surprise + (growth * (now - (fast_ >> 8)) >> step_bits));
    }
    /// The same of `count` sizes (up to 8) that are known as they are, with this sum.
    [[gnu::always_inline]] inline void follow(std::int32_t sizes, std::int32_t count) {
        move(sizes - count * (slow_ >> 8), sizes - count * (fast_ >> 8));
    }

private:
    [[gnu::always_inline]] inline void move(std::int32_t slow, std::int32_t fast) {
        slow_ = std::clamp(slow_ + slow * (1 << slow_shift), -furthest, furthest);
        fast_ = std::clamp(fast_ + fast * (1 << fast_shift), -furthest, furthest);
    }

    std::int32_t slow_ = 0;
    std::int32_t fast_ = 0;
};

}  // namespace strandline::delta::number
