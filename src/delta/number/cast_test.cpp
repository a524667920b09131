#include "delta/number/cast.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace strandline::delta::number {
namespace {

std::uint32_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }

double value_of_half(std::uint16_t bits) {
    const int exponent = bits >> 10 & 31;
    const double fraction = bits & 0x3ff;
    const double magnitude =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST(Cast, EveryHalfComesBack) {
    for (std::uint32_t i = 0; i < 0x10000; ++i) {
        const auto half = static_cast<std::uint16_t>(i);
        const std::uint32_t wide = from_float16(half);
        const bool nan = (half & 0x7fff) > 0x7c00;
        EXPECT_EQ(to_float16(wide), nan ? half | 0x200 : half) << i;
        if ((half & 0x7c00) == 0x7c00) continue;
        EXPECT_EQ(static_cast<double>(std::bit_cast<float>(wide)), value_of_half(half)) << i;
    }
}

// Between two neighbours: below the middle down, above it up, in the middle to the even one.
TEST(Cast, HalvesAreTheNearest) {
    for (std::uint16_t half = 0; half < 0x7bff; ++half) {
        const auto next = static_cast<std::uint16_t>(half + 1);
        const double low = value_of_half(half);
        const auto middle = static_cast<float>((low + value_of_half(next)) / 2);
        const auto even = half % 2 == 0 ? half : next;
        EXPECT_EQ(to_float16(bits_of(middle)), even) << half;
        EXPECT_EQ(to_float16(bits_of(middle) - 1), half);
        EXPECT_EQ(to_float16(bits_of(middle) + 1), next);
        EXPECT_EQ(to_float16(bits_of(-middle)), even | 0x8000);
    }
    EXPECT_EQ(to_float16(bits_of(65519.996F)), 0x7bff);
    EXPECT_EQ(to_float16(bits_of(65520.0F)), 0x7c00);
    EXPECT_EQ(to_float16(bits_of(1e30F)), 0x7c00);
    EXPECT_EQ(to_float16(bits_of(std::numeric_limits<float>::infinity())), 0x7c00);
    EXPECT_EQ(to_float16(0x0000'0001), 0);
}

TEST(Cast, BrainFloatsAreTheNearest) {
    for (std::uint32_t i = 0; i < 0x7f80; ++i) {
        const std::uint32_t exact = i << 16;
        EXPECT_EQ(from_bfloat16(static_cast<std::uint16_t>(i)), exact);
        EXPECT_EQ(to_bfloat16(exact), i);
        EXPECT_EQ(to_bfloat16(exact | 0x7fff), i);
        EXPECT_EQ(to_bfloat16(exact | 0x8000), i + (i & 1));
        EXPECT_EQ(to_bfloat16(exact | 0x8001), i + 1);
        EXPECT_EQ(to_bfloat16(exact | 0x8000'8001), (i + 1) | 0x8000);
    }
    EXPECT_EQ(to_bfloat16(0x7f80'0001), 0x7fc0);
}

TEST(Cast, IntegersAreTheNearestWithinTheirRange) {
    EXPECT_EQ(quantised(2.5F, 1, 0, -128, 127), 2);
    EXPECT_EQ(quantised(3.5F, 1, 0, -128, 127), 4);
    EXPECT_EQ(quantised(-2.5F, 1, 0, -128, 127), -2);
    EXPECT_EQ(quantised(-3.5F, 1, 0, -128, 127), -4);
    EXPECT_EQ(quantised(-0.4F, 1, 0, -128, 127), 0);
    EXPECT_EQ(quantised(0.3F, 0.1F, 128, 0, 255), 131);
    EXPECT_EQ(quantised(1e30F, 1e-30F, 0, -128, 127), 127);
    EXPECT_EQ(quantised(-1e30F, 1, 0, -128, 127), -128);
    EXPECT_EQ(quantised(std::numeric_limits<float>::quiet_NaN(), 1, 7, -128, 127), 7);
}

}  // namespace
}  // namespace strandline::delta::number
