#include "delta/number/fold.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

namespace strandline::delta::number {
namespace {

Bytes floats(const std::vector<float>& values) {
    Bytes out;
    for (const float value : values) append_le(out, std::bit_cast<std::uint32_t>(value));
    return out;
}

// Two channels: gamma, variance, mean, old bias.
constexpr std::array gamma{1.5F, -0.7F};
constexpr std::array variance{0.31F, 2.9F};
constexpr std::array mean{0.11F, -3.7F};
constexpr std::array bias{0.013F, 0.27F};
constexpr float epsilon = 1e-5F;

Bytes arrays(std::uint64_t count) {
    const auto all =
        floats({gamma[0], gamma[1], variance[0], variance[1], mean[0], mean[1], bias[0], bias[1]});
    return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(8 * count)};
}

// One operation at a time, as an exporter does it; volatile keeps compilers from joining two.
float times(float a, float b) {
    volatile float result = a * b;
    return result;
}
float deviation(std::size_t channel) {
    volatile float sum = variance[channel] + epsilon;
    return std::sqrt(sum);
}

TEST(FoldNorm, WeightsAreScaledByTheirChannel) {
    const NormFold fold{false, false, false, epsilon, 2, 1};
    // The block starts at column 2 of a row of channel 1; rows take turns in the channels.
    auto weights = floats({0.3F, -0.9F, 1.7F, 0.2F, 0.4F});
    const float first = gamma[0] / deviation(0);
    const float second = gamma[1] / deviation(1);
    fold_norm(weights, {3, 2}, fold, arrays(2));
    EXPECT_EQ(weights, floats({times(0.3F, second), times(-0.9F, first), times(1.7F, first),
                               times(0.2F, first), times(0.4F, second)}));
}

TEST(FoldNorm, ReciprocalsAreRoundedOnTheirOwn) {
    const NormFold fold{true, false, false, epsilon, 2, 0};
    auto weights = floats({0.3F, -0.9F});
    fold_norm(weights, {1, 0}, fold, arrays(2));
    EXPECT_EQ(weights, floats({times(0.3F, times(gamma[0], 1 / deviation(0))),
                               times(-0.9F, times(gamma[1], 1 / deviation(1)))}));
}

TEST(FoldNorm, BiasesAreMadeOfAllFiveTensors) {
    for (const bool has_bias : {false, true}) {
        const NormFold fold{false, true, has_bias, epsilon, 2, 0};
        auto betas = floats({0.5F, -0.25F});
        std::vector<float> wanted;
        for (std::size_t i = 0; i < 2; ++i) {
            volatile float centred = (has_bias ? bias[i] : 0.0F) - mean[i];
            volatile float scaled = times(centred, gamma[i] / deviation(i));
            wanted.push_back(scaled + (i == 0 ? 0.5F : -0.25F));
        }
        fold_norm(betas, {1, 0}, fold, arrays(fold.arrays()));
        EXPECT_EQ(betas, floats(wanted)) << has_bias;
    }
}

TEST(FoldNorm, WhatHasNoValueIsTheSameOnEveryProcessor) {
    const auto nothing = floats({1.0F, -1.0F, -0.0F, 0.0F});  // no variance, epsilon 0
    const NormFold fold{false, false, false, 0, 2, 0};
    auto weights = floats({0.0F, 2.0F, 1.0F, 1.0F});
    fold_norm(weights, {1, 0}, fold, nothing);
    const auto bits = [&](std::size_t i) {
        return load_le<std::uint32_t>(ByteSpan(weights).subspan(4 * i, 4));
    };
    EXPECT_EQ(bits(0), 0x7fc00000U);  // 0 times infinity
    EXPECT_EQ(bits(1), 0xff800000U);
    EXPECT_EQ(bits(2), 0x7f800000U);
    EXPECT_EQ(bits(3), 0xff800000U);
}

}  // namespace
}  // namespace strandline::delta::number
