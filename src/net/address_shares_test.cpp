#include "net/address_shares.h"

#include <gtest/gtest.h>
#include <vector>

namespace strandline::net {
namespace {

TEST(AddressShares, AnAddressHoldsNoMoreThanItsShare) {
    AddressShares shares(2);
    std::vector<AddressShares::Place> held;
    held.push_back(*shares.take("10.0.0.1"));
    held.push_back(*shares.take("10.0.0.1"));
    EXPECT_FALSE(shares.take("10.0.0.1"));
    EXPECT_TRUE(shares.take("10.0.0.2"));
    held.pop_back();
    EXPECT_TRUE(shares.take("10.0.0.1"));
    held.clear();
    EXPECT_EQ(shares.addresses(), 0U);
}

TEST(AddressShares, AHostCannotMultiplyInItsNetwork) {
    AddressShares shares(1);
    const auto first = shares.take("2001:db8:1:2::1");
    EXPECT_FALSE(shares.take("2001:db8:1:2:ffff::9"));
    EXPECT_TRUE(shares.take("2001:db8:1:3::1"));
    const auto four = shares.take("10.0.0.1");
    EXPECT_FALSE(shares.take("::ffff:10.0.0.1"));
}

TEST(AddressShares, ZeroIsNoLimit) {
    AddressShares shares(0);
    std::vector<AddressShares::Place> held;
    for (int i = 0; i < 1000; ++i) held.push_back(*shares.take("10.0.0.1"));
    EXPECT_EQ(shares.addresses(), 1U);
}

}  // namespace
}  // namespace strandline::net
