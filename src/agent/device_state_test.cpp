#include "agent/device_state.h"

#include <gtest/gtest.h>

#include "agent/test_world.h"

namespace strandline::agent {
namespace {

using std::chrono::days;
using std::chrono::hours;

class Floor : public testing::Test {
protected:
    DeviceState open() { return DeviceState::open(StateFolder(folder_.path()), clock_).value(); }

    TempFolder folder_;
    FakeClock clock_{from_rfc3339("2026-06-01T00:00:00Z").value()};
};

TEST_F(Floor, HoldsWhenTheClockFallsBehind) {
    const auto signed_at = clock_.wall() + hours{1};
    ASSERT_TRUE(open().raise_floor(signed_at));
    clock_.set_wall(WallTime{});
    const auto state = open();
    EXPECT_TRUE(state.clock_is_behind());
    EXPECT_EQ(state.now(), signed_at);
}

TEST_F(Floor, IsNeverBeforeTheProgramAndNeverGoesBack) {
    clock_.set_wall(WallTime{});
    auto state = open();
    EXPECT_EQ(state.now(), from_rfc3339("2026-01-01T00:00:00Z").value());
    ASSERT_TRUE(state.raise_floor(WallTime{days{1}}));
    EXPECT_EQ(state.now(), from_rfc3339("2026-01-01T00:00:00Z").value());
}

TEST_F(Floor, AHubThatWasAheadDoesNotLockTheDeviceOut) {
    auto state = open();
    ASSERT_TRUE(state.raise_floor(clock_.wall() + days{400}));
    EXPECT_EQ(state.now(), clock_.wall() + days{1});
    clock_.advance(days{2});
    EXPECT_FALSE(state.clock_is_behind());
}

TEST_F(Floor, WithAClockThatIsBehindASignedTimeIsTheBestThereIs) {
    const auto signed_at = clock_.wall() + days{400};
    clock_.set_wall(WallTime{});
    auto state = open();
    ASSERT_TRUE(state.raise_floor(signed_at));
    EXPECT_EQ(state.now(), signed_at);
}

}  // namespace
}  // namespace strandline::agent
