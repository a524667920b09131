#include "delta/number/log2.h"

#include <gtest/gtest.h>

namespace strandline::delta::number {
namespace {

TEST(Log2, IsExactForPowersAndNearForOthers) {
    for (int exponent = -1000; exponent <= 1000; ++exponent)
        EXPECT_EQ(log2_of(std::ldexp(1.0, exponent)), exponent);
    for (double value = 1e-300; value < 1e300; value *= 1.37) {
        const double wanted = std::log2(value);
        EXPECT_NEAR(log2_of(value), wanted, 1e-13 * std::max(1.0, std::abs(wanted))) << value;
    }
}

}  // namespace
}  // namespace strandline::delta::number
