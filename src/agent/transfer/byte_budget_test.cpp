#include "agent/transfer/byte_budget.h"

#include <gtest/gtest.h>

#include "agent/test_world.h"

namespace strandline::agent {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class Budget : public ::testing::Test {
protected:
    ByteBudget open(std::uint64_t max_per_day = 100'000) {
        return ByteBudget(state, max_per_day, [this] { return clock.wall(); });
    }

    TempFolder folder;
    StateFolder state{folder.path()};
    FakeClock clock;  // at a midnight
};

TEST_F(Budget, IsSpentAndComesBackTheNextDay) {
    auto budget = open();
    EXPECT_EQ(budget.left(), 100'000U);
    budget.spend(60'000);
    EXPECT_EQ(budget.left(), 40'000U);
    budget.spend(50'000);  // what was under way may be more than was left
    EXPECT_EQ(budget.left(), 0U);
    clock.advance(hours{23});
    EXPECT_EQ(budget.left(), 0U);
    EXPECT_EQ(budget.until_next_day(), milliseconds{hours{1}});
    clock.advance(hours{1});
    EXPECT_EQ(budget.left(), 100'000U);
}

TEST_F(Budget, IsRememberedToTheByteAfterAnOrderlyEnd) {
    {
        auto budget = open();
        budget.spend(12'345);
        budget.settle();
    }
    EXPECT_EQ(open().left(), 100'000U - 12'345U);
}

TEST_F(Budget, NeverGivesBytesBackAfterACrash) {
    open().spend(12'345);  // and no settle()
    const auto left = open().left();
    EXPECT_LE(left, 100'000U - 12'345U);
    EXPECT_GE(left, 100'000U - 12'345U - 100'000U / 16);
}

TEST_F(Budget, DoesNotOpenADayTwiceWhenTheClockGoesBack) {
    auto budget = open();
    clock.advance(hours{48});
    budget.spend(100'000);
    budget.settle();
    clock.set_wall(clock.wall() - hours{24 * 365});
    EXPECT_EQ(budget.left(), 0U);
    EXPECT_EQ(open().left(), 0U);
    clock.advance(hours{24});  // and does not wait for the year to come back
    EXPECT_EQ(open().left(), 100'000U);
}

TEST_F(Budget, TakesADamagedRecordForASpentDay) {
    ASSERT_TRUE(write_file_atomically(folder.path() / "budget.json", as_bytes("{")));
    auto budget = open();
    EXPECT_EQ(budget.left(), 0U);
    clock.advance(hours{24});
    EXPECT_EQ(budget.left(), 100'000U);
}

TEST_F(Budget, WithoutALimitWritesNothing) {
    auto budget = open(0);
    budget.spend(1'000'000'000);
    budget.settle();
    EXPECT_FALSE(budget.limited());
    EXPECT_GT(budget.left(), 1'000'000'000U);
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "budget.json"));
}

}  // namespace
}  // namespace strandline::agent
