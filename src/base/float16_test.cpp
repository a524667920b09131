#include "base/float16.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace strandline {
namespace {

TEST(Float16, EveryHalfSurvivesTheWayThroughFloat) {
    for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        const float value = half_to_float(half);
        if (std::isnan(value)) {
            EXPECT_TRUE(std::isnan(half_to_float(float_to_half(value))));
        } else {
            EXPECT_EQ(float_to_half(value), half) << value;
        }
    }
}

TEST(Float16, RoundsToNearestAndTiesToEven) {
    struct Case {
        float value;
        std::uint16_t bits;
    };
    const Case cases[] = {
        {1.0F, 0x3c00},         {-2.0F, 0xc000},
        {65504.0F, 0x7bff},     {65519.0F, 0x7bff},
        {65520.0F, 0x7c00},     {1e9F, 0x7c00},
        {0x1p-24F, 0x0001},     {0x1p-25F, 0x0000},
        {0x1.8p-25F, 0x0001},   {2049.0F, 0x6800},
        {2051.0F, 0x6802},      {0x1p-30F, 0x0000},
        {-0.0F, 0x8000},        {std::numeric_limits<float>::infinity(), 0x7c00},
        {0x1.ffbp-15F, 0x03ff}, {0x1.ffcp-15F, 0x0400},
    };
    for (const auto& one : cases) EXPECT_EQ(float_to_half(one.value), one.bits) << one.value;
}

}  // namespace
}  // namespace strandline
