#include "policy/download_queue.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace strandline::policy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = DownloadQueue::Verdict::Kind;

constexpr SteadyTime start{};
constexpr LineState idle{};
constexpr LineState busy{.backlog = 10'000'000, .saturated = true};

DownloadQueue with_rate(double rate) {
    return DownloadQueue({.bytes_per_second = rate, .max_concurrent = 4}, start);
}

TEST(DownloadQueue, StartsWhatFitsAtOnce) {
    DownloadQueue queue({.max_concurrent = 2}, start);
    EXPECT_EQ(queue.enter("a", 1'000'000'000, idle, start).kind, Kind::start);
    EXPECT_EQ(queue.enter("b", 1'000'000'000, idle, start).kind, Kind::start);
    const auto third = queue.enter("c", 1, idle, start);
    EXPECT_EQ(third.kind, Kind::wait);
    EXPECT_FALSE(queue.pop(idle, start));
    queue.finish(0, seconds(1));
    EXPECT_EQ(queue.pop(idle, start), third.id);
    EXPECT_EQ(queue.running(), 2U);
    EXPECT_EQ(queue.waiting(), 0U);
}

TEST(DownloadQueue, KeepsTheLineBusyAndNoMore) {
    auto queue = with_rate(1'000'000);
    EXPECT_EQ(queue.enter("a", 900'000, idle, start).kind, Kind::start);
    // Less than a second of work is under way.
    const LineState little{.backlog = 900'000, .saturated = true};
    EXPECT_EQ(queue.enter("b", 900'000, little, start).kind, Kind::start);
    const LineState enough{.backlog = 1'800'000, .saturated = true};
    EXPECT_EQ(queue.enter("c", 900'000, enough, start).kind, Kind::wait);
    EXPECT_FALSE(queue.pop(enough, start + seconds(1)));
    EXPECT_TRUE(queue.pop(little, start + seconds(1)));
}

TEST(DownloadQueue, SlowClientsDoNotLeaveTheRateUnused) {
    auto queue = with_rate(1'000'000);
    EXPECT_EQ(queue.enter("slow", 50'000'000, idle, start).kind, Kind::start);
    // It has a minute of bytes to come and takes a tenth of the rate.
    const LineState unused{.backlog = 50'000'000, .saturated = false};
    EXPECT_EQ(queue.enter("next", 1'000, unused, start + seconds(1)).kind, Kind::start);
    const auto third = queue.enter("third", 1'000, unused, start + seconds(1));
    ASSERT_EQ(third.kind, Kind::wait);
    EXPECT_FALSE(queue.pop(unused, start + seconds(1)));
    EXPECT_EQ(queue.pop(unused, start + milliseconds(1'020)), third.id);
}

TEST(DownloadQueue, WhoWaitsLongGetsAStartOfHisOwn) {
    auto queue = with_rate(1'000'000);
    ASSERT_EQ(queue.enter("first", 10'000'000, idle, start).kind, Kind::start);
    // 10 s of work are under way; each of these is 2 s more.
    std::vector<seconds> waits;
    for (int i = 0; i < 5; ++i) {
        const auto verdict = queue.enter("c" + std::to_string(i), 2'000'000, busy, start);
        ASSERT_EQ(verdict.kind, Kind::come_back) << i;
        waits.push_back(verdict.after);
    }
    // Half of the hold, 2.5 s, before the starts at 10, 12, 14, 16 and 18 s.
    const std::vector<seconds> wanted{seconds(7), seconds(9), seconds(11), seconds(13),
                                      seconds(15)};
    EXPECT_EQ(waits, wanted);
    EXPECT_EQ(queue.promised(), 5U);
}

TEST(DownloadQueue, AskingAgainKeepsThePlaceAndCostsNothing) {
    auto queue = with_rate(1'000'000);
    ASSERT_EQ(queue.enter("first", 10'000'000, idle, start).kind, Kind::start);
    const auto promised = queue.enter("me", 2'000'000, busy, start).after;
    EXPECT_EQ(queue.enter("me", 2'000'000, busy, start + seconds(2)).after, promised - seconds(2));
    EXPECT_EQ(queue.enter("later", 2'000'000, busy, start).after, promised + seconds(2));
    EXPECT_EQ(queue.enter("me", 2'000'000, busy, start + promised).kind, Kind::wait);
    EXPECT_EQ(queue.promised(), 1U);
}

TEST(DownloadQueue, AnEarlierPromiseGoesFirst) {
    auto queue = with_rate(1'000'000);
    ASSERT_EQ(queue.enter("first", 10'000'000, idle, start).kind, Kind::start);
    const auto me = queue.enter("me", 2'000'000, busy, start);
    const auto late = queue.enter("late", 2'000'000, busy, start);
    ASSERT_EQ(me.kind, Kind::come_back);
    ASSERT_EQ(late.kind, Kind::come_back);
    // Both are back, the later one first.
    const auto second = queue.enter("late", 2'000'000, busy, start + seconds(9));
    const auto first = queue.enter("me", 2'000'000, busy, start + seconds(9));
    ASSERT_EQ(first.kind, Kind::wait);
    ASSERT_EQ(second.kind, Kind::wait);
    EXPECT_EQ(queue.pop(idle, start + seconds(10)), first.id);
    EXPECT_EQ(queue.pop(idle, start + seconds(10)), second.id);
}

TEST(DownloadQueue, WhoNeverComesBackIsForgotten) {
    auto queue = with_rate(1'000'000);
    ASSERT_EQ(queue.enter("first", 10'000'000, idle, start).kind, Kind::start);
    ASSERT_EQ(queue.enter("gone", 100'000'000, busy, start).kind, Kind::come_back);
    queue.finish(0, seconds(10));
    // The line is free: the next one need not wait for somebody who is away.
    EXPECT_EQ(queue.enter("next", 1'000, idle, start + seconds(20)).kind, Kind::start);
    EXPECT_EQ(queue.promised(), 1U);
    static_cast<void>(queue.enter("other", 1'000, idle, start + seconds(60)));
    EXPECT_EQ(queue.promised(), 0U);
}

TEST(DownloadQueue, UnsentBytesAreTimeForTheOthers) {
    auto queue = with_rate(1'000'000);
    ASSERT_EQ(queue.enter("first", 10'000'000, idle, start).kind, Kind::start);
    ASSERT_EQ(queue.enter("other", 2'000'000, busy, start).kind, Kind::come_back);
    queue.finish(10'000'000, milliseconds(5));
    // Of 12 s of work 2 s are left.
    const LineState rest{.backlog = 2'000'000, .saturated = true};
    EXPECT_EQ(queue.enter("next", 1'000, rest, start + milliseconds(5)).kind, Kind::wait);
}

TEST(DownloadQueue, WhoGivesUpIsNotStarted) {
    DownloadQueue queue({.max_concurrent = 1}, start);
    ASSERT_EQ(queue.enter("a", 1, idle, start).kind, Kind::start);
    const auto waiting = queue.enter("b", 1, idle, start);
    ASSERT_EQ(waiting.kind, Kind::wait);
    EXPECT_TRUE(queue.withdraw(waiting.id));
    EXPECT_FALSE(queue.withdraw(waiting.id));
    queue.finish(0, seconds(1));
    EXPECT_FALSE(queue.pop(idle, start));
}

TEST(DownloadQueue, EveryListIsBounded) {
    DownloadQueue queue(
        {.bytes_per_second = 1, .max_concurrent = 1, .max_waiting = 2, .max_promises = 3}, start);
    ASSERT_EQ(queue.enter("first", 1'000, idle, start).kind, Kind::start);
    const LineState three_seconds{.backlog = 3, .saturated = true};
    for (int i = 0; i < 10; ++i) {
        const auto verdict = queue.enter("c" + std::to_string(i), 1, three_seconds, start);
        EXPECT_EQ(verdict.kind, i < 2 ? Kind::wait : Kind::come_back) << i;
        EXPECT_GE(verdict.after, seconds(i < 2 ? 0 : 1));
    }
    EXPECT_EQ(queue.waiting(), 2U);
    EXPECT_EQ(queue.promised(), 3U);
}

}  // namespace
}  // namespace strandline::policy
