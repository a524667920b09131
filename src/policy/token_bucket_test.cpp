#include "policy/token_bucket.h"

#include <gtest/gtest.h>

namespace strandline::policy {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr SteadyTime start{seconds{1000}};

TEST(TokenBucket, AdmitsAnAmountLargerThanTheBurstAndMakesTheNextOnePay) {
    TokenBucket bucket({100, 50}, start);
    EXPECT_FALSE(bucket.try_take(1000, start));
    EXPECT_DOUBLE_EQ(bucket.level(start), -950);
    const auto wait = bucket.try_take(1, start);
    ASSERT_TRUE(wait);
    EXPECT_NEAR(static_cast<double>(wait->count()), 9.5e9, 1e4);
}

TEST(TokenBucket, WaitIsExact) {
    for (const double rate : {0.1, 1.0, 3.0, 1e3, 1e9}) {
        for (const double amount : {1.0, 7.0, 1e6, 123456789.0}) {
            TokenBucket bucket({rate, 1}, start);
            ASSERT_FALSE(bucket.try_take(amount, start));
            const auto wait = bucket.try_take(1, start);
            if (!wait) continue;
            TokenBucket early = bucket;
            // Rounding of doubles: a thousandth earlier is too early, and the very time is not.
            EXPECT_TRUE(early.try_take(1, start + *wait - *wait / 1000 - nanoseconds{2}))
                << rate << " " << amount;
            EXPECT_FALSE(bucket.try_take(1, start + *wait)) << rate << " " << amount;
        }
    }
}

TEST(TokenBucket, KeepsTheAverageRateUnderConstantDemand) {
    TokenBucket bucket({1000, 100}, start);
    double taken = 0;
    SteadyTime now = start;
    while (now < start + seconds{10}) {
        const auto wait = bucket.try_take(64, now);
        if (wait) {
            now += *wait;
        } else {
            taken += 64;
        }
    }
    EXPECT_NEAR(taken, 10 * 1000 + 100, 64 * 2);
}

TEST(TokenBucket, SavesUpNoMoreThanTheBurst) {
    TokenBucket bucket({10, 20}, start);
    EXPECT_DOUBLE_EQ(bucket.level(start + std::chrono::hours{24}), 20);
}

TEST(TokenBucket, GivesBackWorkThatWasNotDone) {
    TokenBucket bucket({10, 20}, start);
    ASSERT_FALSE(bucket.try_take(20, start));
    EXPECT_TRUE(bucket.try_take(1, start));
    bucket.give_back(5, start);
    EXPECT_FALSE(bucket.try_take(1, start));
    bucket.give_back(1000, start);
    EXPECT_DOUBLE_EQ(bucket.level(start), 20);
}

TEST(TokenBucket, KeepsItsDebtWhenTheRateChanges) {
    TokenBucket bucket({10, 10}, start);
    ASSERT_FALSE(bucket.try_take(110, start));
    bucket.set_options({100, 10}, start);
    EXPECT_NEAR(static_cast<double>(bucket.until_admission(start).count()), 1e9, 1e3);
}

TEST(TokenBucket, IgnoresTimeThatStandsStillOrGoesBack) {
    TokenBucket bucket({10, 10}, start);
    ASSERT_FALSE(bucket.try_take(15, start));
    EXPECT_DOUBLE_EQ(bucket.level(start - seconds{5}), -5);
    ASSERT_TRUE(bucket.try_take(1, start - seconds{5}));
    EXPECT_DOUBLE_EQ(bucket.level(start), -5);
}

}  // namespace
}  // namespace strandline::policy
