#include "net/resolve.h"

#include <boost/asio/ip/tcp.hpp>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>

#include "net/runtime.h"

namespace strandline::net {
namespace {

using ::testing::HasSubstr;
using Endpoints = Result<std::vector<Endpoint>>;

/// A name server that does not answer until it is told to.
class Hang {
public:
    Lookup lookup() const {
        return [state = state_](const std::string&, std::uint16_t) -> Endpoints {
            ++state->started;
            state->open.get_future().wait();
            state->ended.set_value();
            return fail(Errc::unavailable, "late");
        };
    }
    void release() { state_->open.set_value(); }
    void wait_for_end() { state_->ended.get_future().wait(); }
    [[nodiscard]] int started() const { return state_->started; }

private:
    struct State {
        std::promise<void> open;
        std::promise<void> ended;
        std::atomic<int> started{0};
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();  // shared with the look-up's thread
};

Lookup must_not_be_asked() {
    return [](const std::string& host, std::uint16_t) -> Endpoints {
        ADD_FAILURE() << "looked up " << host;
        return fail(Errc::internal, "");
    };
}

Deadline soon() { return Deadline::after(std::chrono::milliseconds{20}); }
Deadline late() { return Deadline::after(std::chrono::seconds{20}); }

TEST(Resolve, TakesALiteralAsItIs) {
    Runtime runtime({});
    for (const std::string literal : {"127.0.0.1", "::1"}) {
        const auto found = runtime.block_on(resolve(literal, 8443, late(), must_not_be_asked()));
        ASSERT_TRUE(found) << found.error().message;
        ASSERT_EQ(found->size(), 1U);
        EXPECT_EQ(found->front().address, literal);
        EXPECT_EQ(found->front().port, 8443);
    }
}

TEST(Resolve, FindsTheMachineItself) {
    Runtime runtime({});
    const auto found = runtime.block_on(resolve("localhost", 80, late()));
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_THAT(found->front().address, ::testing::AnyOf("127.0.0.1", "::1"));
    EXPECT_EQ(found->front().port, 80);
}

TEST(Resolve, TellsWhyANameIsNotFound) {
    Runtime runtime({});
    const Lookup nobody = [](const std::string& host, std::uint16_t) -> Endpoints {
        return fail(Errc::unavailable, host + " is nobody");
    };
    const auto found = runtime.block_on(resolve("no.such.host", 80, late(), nobody));
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().message, HasSubstr("no.such.host is nobody"));
}

// Each of the next two would hang here, or use freed memory, if the Runtime waited for the thread.
TEST(Resolve, AHangingNameServerDelaysNobodyPastTheDeadline) {
    Hang hang;
    {
        Runtime runtime({});
        const auto found = runtime.block_on(resolve("slow.host", 80, soon(), hang.lookup()));
        ASSERT_FALSE(found);
        EXPECT_EQ(found.error().code, Errc::timeout);
        EXPECT_THAT(found.error().message, HasSubstr("slow.host"));
    }
    hang.release();
    hang.wait_for_end();
}

asio::awaitable<void> resolve_and_forget(Lookup lookup) {
    static_cast<void>(co_await resolve("slow.host", 80, Deadline::never(), std::move(lookup)));
    ADD_FAILURE() << "nobody answered, so nothing may come back";
}

TEST(Resolve, TheRuntimeMayEndWhileALookUpHangs) {
    Hang hang;
    {
        Runtime runtime({});
        runtime.spawn(resolve_and_forget(hang.lookup()));
        runtime.post([&runtime] { runtime.stop(); });
        runtime.run();
    }
    hang.release();
    if (hang.started() > 0) hang.wait_for_end();
}

TEST(Resolve, RefusesMoreWhenManyHang) {
    constexpr std::size_t enough = 64;
    std::vector<Hang> hanging(enough);
    Runtime runtime({});
    std::size_t started = 0;
    Errc last = Errc::timeout;
    while (started < enough && last == Errc::timeout) {
        const auto at_once = Deadline::after(std::chrono::milliseconds{0});
        const auto found =
            runtime.block_on(resolve("slow.host", 80, at_once, hanging[started].lookup()));
        ASSERT_FALSE(found);
        last = found.error().code;
        if (last == Errc::timeout) ++started;
    }
    EXPECT_EQ(last, Errc::unavailable);
    EXPECT_EQ(started, 16U);
    for (std::size_t i = 0; i < started; ++i) {
        hanging[i].release();
        hanging[i].wait_for_end();
    }
}

}  // namespace
}  // namespace strandline::net
