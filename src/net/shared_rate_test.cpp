#include "net/shared_rate.h"

#include <array>
#include <gtest/gtest.h>

#include "net/response_sender.h"

namespace strandline::net {
namespace {

using std::chrono::milliseconds;

TEST(SharedRate, BookingsFollowEachOtherAtTheRate) {
    const FakeClock clock;
    SharedRate rate(1'000'000, clock);
    const auto start = clock.steady();
    EXPECT_EQ(rate.book(20'000), start);
    EXPECT_EQ(rate.book(20'000), start + milliseconds(20));
    EXPECT_EQ(rate.book(10'000), start + milliseconds(40));
    EXPECT_EQ(rate.booked(), 50'000U);
    EXPECT_TRUE(rate.saturated());
}

TEST(SharedRate, WhatACutTransferDidNotSendIsNotBookedAnyMore) {
    const FakeClock clock;
    SharedRate rate(1'000'000, clock);
    {
        Pacer pacer(0, clock.steady(), &rate);
        pacer.book(20'000);
        pacer.sent(5'000);
    }
    EXPECT_EQ(rate.booked(), 5'000U);
}

TEST(SharedRate, TimeNotUsedIsLostButForALateTimer) {
    FakeClock clock;
    SharedRate rate(1'000'000, clock);
    static_cast<void>(rate.book(1'000));
    clock.advance(milliseconds(60'000));
    EXPECT_FALSE(rate.saturated());
    const auto late = clock.steady() - milliseconds(20);
    EXPECT_EQ(rate.book(30'000), late);
    EXPECT_EQ(rate.book(1'000), late + milliseconds(30));
}

TEST(SharedRate, WhatAStallHeldUpIsSpreadAgain) {
    FakeClock clock;
    SharedRate rate(1'000'000, clock);
    std::array<SteadyTime, 3> booked{};
    for (auto& at : booked) at = rate.book(20'000);
    clock.advance(milliseconds(70));
    EXPECT_TRUE(rate.missed(booked[0]));
    EXPECT_TRUE(rate.missed(booked[1]));
    EXPECT_FALSE(rate.missed(clock.steady() - milliseconds(20)));
    const auto first = rate.book_again(20'000);
    EXPECT_EQ(rate.book_again(20'000), first + milliseconds(20));
    EXPECT_EQ(rate.booked(), 60'000U) << "a place in the line, not more bytes";
}

TEST(SharedRate, PiecesAreShortInTime) {
    EXPECT_EQ(SharedRate(1'000'000).piece(128 * 1024), 20'000U);
    EXPECT_EQ(SharedRate(1'000'000).piece(500), 500U);
    EXPECT_EQ(SharedRate(100).piece(128 * 1024), 1024U);
    EXPECT_EQ(SharedRate(1'000'000'000).piece(128 * 1024), 128U * 1024U);
}

}  // namespace
}  // namespace strandline::net
