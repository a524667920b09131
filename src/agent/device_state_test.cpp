#include "agent/device_state.h"

#include <gtest/gtest.h>

#include "agent/hub/renewal.h"
#include "agent/test_world.h"
#include "agent/transfer/byte_budget.h"

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

TEST_F(Floor, RunsOnWhileTheClockIsBehind) {
    const auto signed_at = clock_.wall();
    clock_.set_wall(WallTime{});
    auto state = open();
    ASSERT_TRUE(state.raise_floor(signed_at));
    ByteBudget budget(StateFolder(folder_.path()), 1'000, [&state] { return state.now(); });
    budget.spend(1'000);
    EXPECT_EQ(budget.left(), 0U);
    clock_.advance(days{70});
    EXPECT_TRUE(state.clock_is_behind());
    EXPECT_GE(state.now(), signed_at + days{70});
    EXPECT_LE(renewal_time(signed_at, signed_at + days{90}), state.now()) << "renewal is due";
    EXPECT_EQ(budget.left(), 1'000U);
    // What is signed now is not news if it is older than that.
    ASSERT_TRUE(state.raise_floor(signed_at + days{60}));
    EXPECT_GE(state.now(), signed_at + days{70});
}

TEST_F(Floor, IsKeptOverARestartToADay) {
    const auto signed_at = clock_.wall();
    clock_.set_wall(WallTime{});
    {
        auto state = open();
        ASSERT_TRUE(state.raise_floor(signed_at));
        ASSERT_TRUE(state.keep_floor());
        EXPECT_EQ(StateFolder(folder_.path()).load_device()->time_floor, signed_at);
        for (int hour = 0; hour < 24 * 70; ++hour) {
            clock_.advance(hours{1});
            ASSERT_TRUE(state.keep_floor());
        }
    }
    clock_.set_wall(WallTime{});
    EXPECT_GE(open().now(), signed_at + days{68});
}

class Boot : public Floor {};

TEST_F(Boot, GrowsWithEachStartWhateverTheClockSays) {
    const auto first = open().record().boot;
    EXPECT_EQ(first, to_unix_ms(clock_.wall()));
    EXPECT_EQ(open().record().boot, first + 1);
    clock_.set_wall(WallTime{});
    EXPECT_EQ(open().record().boot, first + 2);
}

TEST_F(Boot, GrowsWhenTheRecordIsDamaged) {
    open();
    const auto before = open().record().boot;
    ASSERT_TRUE(write_file_atomically(folder_.path() / "device.json", as_bytes("{")));
    clock_.advance(std::chrono::seconds{1});
    EXPECT_GT(open().record().boot, before);
}

TEST_F(Boot, GrowsWhenNothingCanBeWritten) {
    // Root may write everywhere but into a folder that is not there.
    const StateFolder nowhere(folder_.path() / "nowhere");
    const auto before = DeviceState::open(nowhere, clock_).value().record().boot;
    clock_.advance(std::chrono::seconds{1});
    EXPECT_GT(DeviceState::open(nowhere, clock_).value().record().boot, before);
}

TEST_F(Boot, IsNotOfATimeBeforeTheProgram) {
    clock_.set_wall(WallTime{});
    EXPECT_GT(open().record().boot, 0);
    EXPECT_EQ(
        DeviceState::open(StateFolder(folder_.path() / "nowhere"), clock_).value().record().boot,
        to_unix_ms(from_rfc3339("2026-01-01T00:00:00Z").value()));
}

}  // namespace
}  // namespace strandline::agent
