#include "hub/transfer/transfer_gate.h"

#include <gtest/gtest.h>

namespace strandline::hub {
namespace {

using std::chrono::milliseconds;

TEST(TransferGate, WithoutARateOnlyTheNumberIsLimited) {
    const FakeClock clock;
    const auto gate = std::make_shared<TransferGate>(TransferLimits{.max_concurrent = 2}, clock);
    auto first = gate->admit(1'000'000'000);
    auto second = gate->admit(1'000'000'000);
    ASSERT_TRUE(first);
    ASSERT_TRUE(second);
    const auto third = gate->admit(1);
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, Errc::unavailable);
    EXPECT_TRUE(third.error().retry_after);
    first->reset();
    EXPECT_TRUE(gate->admit(1));
}

TEST(TransferGate, RetryAfterIsTheMomentOfAdmission) {
    FakeClock clock;
    const auto gate =
        std::make_shared<TransferGate>(TransferLimits{.bytes_per_second = 1000}, clock);
    const auto first = gate->admit(3000);  // 1000 saved up, so a debt of 2000
    ASSERT_TRUE(first);
    (*first)->sent(3000);
    const auto refused = gate->admit(1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::exhausted);
    ASSERT_TRUE(refused.error().retry_after);
    clock.advance(*refused.error().retry_after - milliseconds(1));
    EXPECT_FALSE(gate->admit(1));
    clock.advance(milliseconds(2));
    EXPECT_TRUE(gate->admit(1));
}

TEST(TransferGate, BytesNotSentAreGivenBack) {
    const FakeClock clock;
    const auto gate =
        std::make_shared<TransferGate>(TransferLimits{.bytes_per_second = 1000}, clock);
    {
        const auto ticket = gate->admit(5000);
        ASSERT_TRUE(ticket);
        (*ticket)->sent(100);
        EXPECT_EQ(gate->running(), 1U);
    }
    EXPECT_EQ(gate->running(), 0U);
    EXPECT_TRUE(gate->admit(10));
}

}  // namespace
}  // namespace strandline::hub
