#include <gtest/gtest.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/deadline.h"

namespace strandline {
namespace {

using namespace std::chrono_literals;

TEST(Rfc3339, RoundTrips) {
    const WallTime time = from_unix_ms(1'795'262'400'123);
    EXPECT_EQ(to_rfc3339(time), "2026-11-21T12:00:00.123Z");
    EXPECT_EQ(from_rfc3339("2026-11-21T12:00:00.123Z").value(), time);
    EXPECT_EQ(from_rfc3339("2026-11-21T12:00:00Z").value(), time - 123ms);
    EXPECT_EQ(to_rfc3339(from_unix_ms(0)), "1970-01-01T00:00:00.000Z");
}

TEST(Rfc3339, RefusesWhatIsNotATime) {
    for (const char* bad :
         {"", "2026-11-21", "2026-11-21T12:00:00", "2026-02-30T12:00:00Z", "2026-11-21T24:00:00Z",
          "2026-11-21T12:00:00+01:00", "2026-13-21T12:00:00Z", "2o26-11-21T12:00:00Z",
          "2026-11-21T12:00:00.12xZ", "1969-12-31T23:59:59Z"}) {
        EXPECT_FALSE(from_rfc3339(bad)) << bad;
    }
}

TEST(FakeClock, WallMayJumpWhileSteadyDoesNot) {
    FakeClock clock;
    const auto steady = clock.steady();
    clock.set_wall(from_unix_ms(0));
    EXPECT_EQ(clock.steady(), steady);
    clock.advance(5s);
    EXPECT_EQ(clock.steady() - steady, 5s);
    EXPECT_EQ(clock.wall(), from_unix_ms(5000));
}

TEST(Deadline, PassesWhenItsTimeCame) {
    FakeClock clock;
    const Deadline deadline = Deadline::after(2s, clock);
    EXPECT_EQ(deadline.remaining(clock), 2s);
    clock.advance(1500ms);
    EXPECT_FALSE(deadline.passed(clock));
    clock.advance(500ms);
    EXPECT_TRUE(deadline.passed(clock));
    EXPECT_EQ(deadline.remaining(clock), 0ns);
    EXPECT_FALSE(Deadline::never().passed(clock));
}

TEST(Backoff, StaysBelowADoublingCeilingAndUsesAllOfIt) {
    SeededRandom random(1);
    Backoff backoff(100ms, 5s, random);
    for (int round = 0; round < 40; ++round) {
        const auto ceiling = std::min<std::int64_t>(5000, std::int64_t{100} << std::min(round, 20));
        const auto wait = backoff.next().count();
        EXPECT_GE(wait, 0);
        EXPECT_LT(wait, ceiling);
    }
    std::int64_t longest = 0;
    for (int i = 0; i < 200; ++i) longest = std::max<std::int64_t>(longest, backoff.next().count());
    EXPECT_GT(longest, 4500) << "full jitter reaches the ceiling";
    backoff.reset();
    EXPECT_LT(backoff.next(), 100ms);
}

TEST(Random, BelowIsUniformEnough) {
    SeededRandom random(3);
    int counts[5] = {};
    for (int i = 0; i < 10'000; ++i) ++counts[random.below(5)];
    for (const int count : counts) EXPECT_NEAR(count, 2000, 200);
    EXPECT_EQ(random.below(0), 0U);
}

}  // namespace
}  // namespace strandline
