#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "agent/agent_config.h"
#include "base/clock.h"
#include "base/random.h"
#include "net/runtime.h"
#include "trust/report.h"

namespace strandline::agent {

/// What somebody who hosts agents may watch. Called on the I/O thread; must not block.
struct AgentObserver {
    /// Each report that the agent builds, at the latest 100 ms after a change.
    std::function<void(const trust::Report&)> reported;
    /// The connection to the broker came (true) or went.
    std::function<void(bool connected)> broker;
};

struct AgentOptions {
    AgentConfig config;
    /// Of an enrolled agent: see hub/enroll.h.
    std::filesystem::path state_folder;
    /// False for agents that only deliver (a load tool, a relay): no engine, no self-test, no
    /// listener.
    bool run_models = true;
    /// Understands `selftest`, see run/self_test.h.
    std::filesystem::path self_test_program = "/proc/self/exe";
    const Clock* clock = &system_clock();
    Random* random = &system_random();
    AgentObserver observer;
};

/// One agent. A process may hold many, each with its own state folder, on one runtime. Belongs to
/// the I/O thread.
class Agent {
public:
    /// Takes the state folder's lock, loads the identity and binds the listener. Blocks on the disk
    /// for little. Refuses a folder without an identity, and one that another process uses.
    [[nodiscard]] static Result<std::unique_ptr<Agent>> create(net::Runtime& runtime,
                                                               AgentOptions options);
    /// After a stop() that ended everything, or after the runtime has stopped for good.
    ~Agent();

    /// Verifies what is on disk, serves it, and then keeps it as the hub wants it. Returns when the
    /// models on disk are served; work goes on until stop().
    [[nodiscard]] boost::asio::awaitable<void> start();
    /// Ends everything in order, a start() under way too: false when something still ran at the
    /// deadline, and uses this. The disk is safe either way.
    [[nodiscard]] boost::asio::awaitable<bool> stop(Deadline deadline);

    [[nodiscard]] const std::string& device() const;
    /// 0 when nothing is served.
    [[nodiscard]] std::uint16_t serve_port() const;
    /// "http://127.0.0.1:8500", or empty.
    [[nodiscard]] std::string serve_url() const;
    [[nodiscard]] trust::Report report();

private:
    struct Impl;
    explicit Agent(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace strandline::agent
