#include "net/runtime.h"

#include <csignal>
#include <future>
#include <gtest/gtest.h>
#include <stdexcept>
#include <thread>

namespace strandline::net {
namespace {

using std::chrono::milliseconds;

Task<int> seven() { co_return 7; }
Task<int> refuse() { co_return fail(Errc::conflict, "no"); }

TEST(Runtime, BlockOnReturnsTheValueOrTheError) {
    Runtime runtime({});
    EXPECT_EQ(runtime.block_on(seven()), 7);
    const auto failed = runtime.block_on(refuse());
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::conflict);
}

Task<bool> on_other_thread(Runtime& runtime) {
    const auto here = std::this_thread::get_id();
    std::function<Result<std::thread::id>()> work = []() -> Result<std::thread::id> {
        return std::this_thread::get_id();
    };
    CO_TRY(const auto there, co_await runtime.offload(std::move(work)));
    co_return there != here&& here == std::this_thread::get_id();
}

TEST(Runtime, OffloadRunsOnThePoolAndComesBack) {
    Runtime runtime({});
    EXPECT_EQ(runtime.block_on(on_other_thread(runtime)), true);
}

Task<bool> catches(Runtime& runtime) {
    std::function<Result<int>()> work = []() -> Result<int> { throw std::runtime_error("boom"); };
    try {
        const auto result = co_await runtime.offload(std::move(work));
        co_return result.has_value();
    } catch (const std::runtime_error& error) {
        co_return std::string(error.what()) == "boom";
    }
}

TEST(Runtime, OffloadCarriesAnExceptionToTheCaller) {
    Runtime runtime({});
    EXPECT_EQ(runtime.block_on(catches(runtime)), true);
}

Task<int> offload_one(Runtime& runtime) {
    std::function<Result<int>()> work = []() -> Result<int> { return 1; };
    co_return co_await runtime.offload(std::move(work));
}

TEST(Runtime, OffloadToAFullPoolIsExhausted) {
    Runtime::Options options;
    options.worker_threads = 0;
    options.max_queued_work = 0;
    Runtime runtime(options);
    const auto result = runtime.block_on(offload_one(runtime));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::exhausted);
}

asio::awaitable<void> hold_up(Runtime& runtime, std::shared_future<void> until) {
    std::function<Result<int>()> work = [until = std::move(until)]() -> Result<int> {
        until.wait();
        return 2;
    };
    ignore(co_await runtime.offload(std::move(work), Work::lengthy), "only takes its thread");
}

TEST(Runtime, LengthyWorkLeavesThePoolToTheRest) {
    Runtime runtime({.worker_threads = 1, .max_queued_work = 4, .lengthy_threads = 1});
    std::promise<void> over;
    runtime.spawn(hold_up(runtime, over.get_future().share()));
    EXPECT_EQ(runtime.block_on(offload_one(runtime)), 1);
    over.set_value();
}

TEST(Runtime, StopEndsRunOnceEvenBeforeItStarts) {
    Runtime runtime({});
    runtime.stop();
    runtime.run();
    bool ran = false;
    runtime.post([&] {
        ran = true;
        runtime.stop();
    });
    runtime.run();
    EXPECT_TRUE(ran);
}

Task<int> wait_for_ever(Runtime& runtime) {
    Signal signal(runtime.executor());
    co_await signal.wait(Deadline::never());
    co_return 0;
}

TEST(Runtime, StopEndsBlockOnAndThePendingCoroutineIsDestroyed) {
    Runtime runtime({});
    std::thread stopper([&] { runtime.stop(); });
    const auto result = runtime.block_on(wait_for_ever(runtime));
    stopper.join();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::cancelled);
    EXPECT_EQ(runtime.block_on(seven()), 7);
}

TEST(Runtime, SignalsReachTheirHandlers) {
    Runtime runtime({});
    int reloads = 0;
    bool asked = false;
    runtime.on_signals(
        [&] {
            asked = true;
            runtime.stop();
        },
        [&] {
            ++reloads;
            if (reloads < 2) {
                std::raise(SIGHUP);
            } else {
                std::raise(SIGTERM);
            }
        });
    std::raise(SIGHUP);
    runtime.run();
    EXPECT_EQ(reloads, 2);
    EXPECT_TRUE(asked);
}

Task<bool> wait_once(Signal& signal, milliseconds span) {
    co_return co_await signal.wait(Deadline::after(span));
}

TEST(Signal, CoalescesNotificationsBeforeTheWait) {
    Runtime runtime({});
    Signal signal(runtime.executor());
    signal.notify();
    signal.notify();
    EXPECT_EQ(runtime.block_on(wait_once(signal, milliseconds{1000})), true);
    EXPECT_EQ(runtime.block_on(wait_once(signal, milliseconds{1})), false);
}

TEST(Signal, WakesAWaiter) {
    Runtime runtime({});
    Signal signal(runtime.executor());
    runtime.post([&] { signal.notify(); });
    EXPECT_EQ(runtime.block_on(wait_once(signal, milliseconds{10'000})), true);
}

}  // namespace
}  // namespace strandline::net
