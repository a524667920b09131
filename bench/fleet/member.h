#pragma once

#include <memory>
#include <string>

#include "agent/agent.h"
#include "agent/hub/mqtt_link.h"
#include "board.h"
#include "net/runtime.h"
#include "options.h"

namespace strandline::fleet_load {

/// One device of the fleet: an agent, or only its broker connection. Belongs to the thread of its
/// runtime.
class Member {
public:
    /// `config` is what `options.config` holds, read once for all.
    Member(net::Runtime& runtime, const Options& options, const agent::AgentConfig& config,
           Board& board, std::string name);
    ~Member();

    /// Enrols when that was not done before, starts, and waits until the broker knows it. What goes
    /// wrong is on the board.
    [[nodiscard]] boost::asio::awaitable<void> start();
    [[nodiscard]] boost::asio::awaitable<void> stop(Deadline deadline);

private:
    [[nodiscard]] net::Task<void> enrol();
    [[nodiscard]] net::Task<void> start_agent();
    [[nodiscard]] Status start_link();
    void linked(bool connected);
    void reported(const trust::Report& report);

    net::Runtime* runtime_;
    const Options* options_;
    const agent::AgentConfig* config_;
    Board* board_;
    std::string name_;
    net::Signal connected_signal_;
    bool connected_ = false;
    bool refusing_ = false;
    std::string active_;
    std::unique_ptr<agent::Agent> agent_;
    std::unique_ptr<agent::MqttLink> link_;
};

}  // namespace strandline::fleet_load
