#include "policy/keyed_buckets.h"

#include <gtest/gtest.h>

namespace strandline::policy {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr SteadyTime start{};

TEST(KeyedBuckets, KeysDoNotShareTheirBuckets) {
    KeyedBuckets buckets({.rate_per_second = 1, .burst = 2}, 10);
    buckets.charge("a", start);
    EXPECT_EQ(buckets.until_admission("a", start), nanoseconds{0});
    buckets.charge("a", start);
    EXPECT_GT(buckets.until_admission("a", start), nanoseconds{0});
    EXPECT_EQ(buckets.until_admission("b", start), nanoseconds{0});
    EXPECT_EQ(buckets.until_admission("a", start + seconds{2}), nanoseconds{0});
}

TEST(KeyedBuckets, ForgetsTheKeyThatWasUsedLongestAgo) {
    KeyedBuckets buckets({.rate_per_second = 0.001, .burst = 1}, 2);
    buckets.charge("old", start);
    buckets.charge("kept", start);
    buckets.charge("old", start);  // used again
    buckets.charge("new", start);
    EXPECT_EQ(buckets.size(), 2U);
    EXPECT_GT(buckets.until_admission("old", start), nanoseconds{0});
    EXPECT_EQ(buckets.until_admission("kept", start), nanoseconds{0});
    EXPECT_GT(buckets.until_admission("new", start), nanoseconds{0});
}

TEST(KeyedBuckets, StaysBoundedUnderEndlessKeys) {
    KeyedBuckets buckets({.rate_per_second = 1, .burst = 1}, 100);
    for (int i = 0; i < 10'000; ++i) buckets.charge("key-" + std::to_string(i), start);
    EXPECT_EQ(buckets.size(), 100U);
}

}  // namespace
}  // namespace strandline::policy
