#include "hub/mqtt/flood_guard.h"

#include <gtest/gtest.h>

namespace strandline::hub {
namespace {

using std::chrono::milliseconds;
using enum FloodGuard::Verdict;

constexpr FloodLimits small{.window = milliseconds{1000}, .messages = 3, .bytes = 100};

TEST(FloodGuard, TellsOnceOfTooManyMessagesInAWindow) {
    FloodGuard guard(small);
    const FakeClock clock;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(guard.take("a", 1, clock.steady()), fine);
    EXPECT_EQ(guard.take("a", 1, clock.steady()), flood);
    EXPECT_EQ(guard.take("a", 1, clock.steady()), excess);
}

TEST(FloodGuard, TellsOfTooManyBytes) {
    FloodGuard guard(small);
    const FakeClock clock;
    EXPECT_EQ(guard.take("a", 100, clock.steady()), fine);
    EXPECT_EQ(guard.take("a", 1, clock.steady()), flood);
}

TEST(FloodGuard, OneDeviceDoesNotCountForAnother) {
    FloodGuard guard(small);
    const FakeClock clock;
    for (int i = 0; i < 9; ++i) static_cast<void>(guard.take("a", 1, clock.steady()));
    EXPECT_EQ(guard.take("b", 1, clock.steady()), fine);
}

TEST(FloodGuard, BeginsAnewWithEachWindow) {
    FloodGuard guard(small);
    FakeClock clock;
    for (int i = 0; i < 4; ++i) static_cast<void>(guard.take("a", 1, clock.steady()));
    clock.advance(milliseconds{999});
    EXPECT_EQ(guard.take("a", 1, clock.steady()), excess);
    clock.advance(milliseconds{1});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(guard.take("a", 1, clock.steady()), fine);
    EXPECT_EQ(guard.take("a", 1, clock.steady()), flood);
}

}  // namespace
}  // namespace strandline::hub
