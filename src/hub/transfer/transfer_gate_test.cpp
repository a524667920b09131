#include "hub/transfer/transfer_gate.h"

#include <gtest/gtest.h>

namespace strandline::hub {
namespace {

using Ticket = std::shared_ptr<TransferGate::Ticket>;

class TransferGateTest : public testing::Test {
protected:
    std::shared_ptr<TransferGate> make(TransferLimits limits) {
        return std::make_shared<TransferGate>(runtime, limits, system_clock(), metrics);
    }
    Result<Ticket> enter(TransferGate& gate, std::string who, std::uint64_t bytes) {
        return runtime.block_on(gate.enter(std::move(who), bytes));
    }
    /// Ends `ticket` a moment after somebody else has begun to wait.
    static boost::asio::awaitable<void> end_later(net::Runtime& loop, Ticket ticket,
                                                  std::uint64_t sent) {
        loop.post([ticket, sent] { ticket->ended(sent, true); });
        co_return;
    }

    net::Runtime runtime{{.worker_threads = 1}};
    Metrics metrics;
};

TEST_F(TransferGateTest, WithoutARateOnlyTheNumberIsLimited) {
    const auto gate = make({.max_concurrent = 2});
    auto first = enter(*gate, "a", 1'000'000'000);
    const auto second = enter(*gate, "b", 1'000'000'000);
    ASSERT_TRUE(first);
    ASSERT_TRUE(second);
    EXPECT_EQ(gate->running(), 2U);
    EXPECT_EQ(gate->rate(), nullptr);
    runtime.spawn(end_later(runtime, *std::move(first), 1'000'000'000));
    const auto third = enter(*gate, "c", 1);
    ASSERT_TRUE(third) << third.error().message;
    EXPECT_EQ(gate->running(), 2U);
}

TEST_F(TransferGateTest, WhoseStartIsFarGetsItsTime) {
    const auto gate = make({.bytes_per_second = 1000});
    const auto first = enter(*gate, "a", 120'000);
    ASSERT_TRUE(first);
    // Half of it is on its way and fills the line for a minute.
    static_cast<void>(gate->rate()->book(60'000));
    const auto refused = enter(*gate, "b", 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::exhausted);
    // A minute of work comes first; what passed since is below the two seconds of slack.
    ASSERT_TRUE(refused.error().retry_after);
    EXPECT_LE(*refused.error().retry_after, std::chrono::seconds(58));
    EXPECT_GE(*refused.error().retry_after, std::chrono::seconds(30));
    EXPECT_NE(metrics.text().find("strandline_downloads_deferred_total 1"), std::string::npos);
}

TEST_F(TransferGateTest, APlaceIsFreeAgainWhenATransferBreaks) {
    const auto gate = make({.bytes_per_second = 1000, .max_concurrent = 1});
    auto first = enter(*gate, "a", 60'000);
    ASSERT_TRUE(first);
    first->reset();
    EXPECT_EQ(gate->running(), 0U);
    EXPECT_TRUE(enter(*gate, "b", 10));
}

TEST_F(TransferGateTest, GoesBeforeOrAfterItsTransfers) {
    auto gate = make({.max_concurrent = 1});
    auto ticket = enter(*gate, "a", 10);
    ASSERT_TRUE(ticket);
    gate.reset();
    (*ticket)->ended(10, true);
}

}  // namespace
}  // namespace strandline::hub
