#include <future>
#include <gtest/gtest.h>

#include "agent/test_programs.h"

namespace strandline::agent {
namespace {

class Stop : public Programs {
protected:
    void install() {
        hub.order({order_for(program("1.0.0", "exec sleep 600"), "dep-1")});
        start();
        ASSERT_TRUE(until_active("1.0.0"));
        stop();
    }
    /// Begins to start the agent, without waiting for it.
    void begin() {
        auto created = Agent::create(runtime, options);
        ASSERT_TRUE(created) << created.error().message;
        agent = std::move(*created);
        runtime.spawn(start_and_note(*agent, started));
    }
    /// Takes one worker until the test lets go of it.
    void hold_worker(const std::shared_future<void>& go) {
        runtime.spawn(wait_on_worker(runtime, go));
    }
    unsigned load_attempts() {
        return StateFolder(options.state_folder).load_journal("leaf").value().load_attempts;
    }
    static net::Task<bool> stop_at_once(Agent& agent) {
        const auto deadline = Deadline::after(std::chrono::nanoseconds{0});
        co_return co_await agent.stop(deadline);
    }

    bool started = false;

private:
    static boost::asio::awaitable<void> start_and_note(Agent& agent, bool& done) {
        co_await agent.start();
        done = true;
    }
    static boost::asio::awaitable<void> wait_on_worker(net::Runtime& on,
                                                       std::shared_future<void> go) {
        std::function<Status()> work = [go = std::move(go)]() -> Status {
            go.wait();
            return {};
        };
        ignore(co_await on.offload(std::move(work)), "the test sees what comes of it");
    }
};

TEST_F(Stop, WaitsForAStartThatIsUnderWay) {
    install();
    begin();
    // Queued behind the first step of the start, which waits for a worker then.
    const auto stopped = runtime.block_on(stop_at_once(*agent));
    ASSERT_TRUE(stopped);
    EXPECT_FALSE(*stopped) << "it still hashes what is on disk";
    stop();
    EXPECT_TRUE(started);
}

TEST_F(Stop, DoesNotCountALoadThatItCutsOff) {
    install();
    begin();
    std::promise<void> go;
    const auto future = go.get_future().share();
    // The workers hash what is on disk first, then they are held, and the load queues behind.
    for (std::size_t i = 0; i < test_runtime_options().worker_threads; ++i) hold_worker(future);
    ASSERT_TRUE(until([this] { return load_attempts() == 1; }));
    const auto stopped = runtime.block_on(stop_at_once(*agent));
    EXPECT_TRUE(stopped && !*stopped);
    EXPECT_EQ(load_attempts(), 0U);
    go.set_value();
    stop();
    EXPECT_TRUE(started);
}

}  // namespace
}  // namespace strandline::agent
