#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "agent/agent_config.h"
#include "agent/tasks.h"
#include "base/random.h"

namespace strandline::agent {

/// Brings the newest report to the hub: soon after every change, and every interval. Only the
/// latest state matters, so changes while one is on its way become one more report, and what could
/// not be sent is not queued but built anew. Belongs to the I/O thread.
class Reporter {
public:
    struct Channel {
        std::function<std::string()> build;  ///< the report as of now
        std::function<net::Task<void>(std::string)> send;
    };

    Reporter(net::Runtime& runtime, Tasks& tasks, const AgentConfig& config, Channel channel);

    /// Something changed: report soon.
    void changed();
    /// Runs until the agent ends; the last state is tried once more then.
    [[nodiscard]] boost::asio::awaitable<void> run();

private:
    [[nodiscard]] net::Task<void> send_once();

    Tasks* tasks_;
    AgentConfig config_;
    Channel channel_;
    net::Signal signal_;
    bool dirty_ = true;
};

}  // namespace strandline::agent
