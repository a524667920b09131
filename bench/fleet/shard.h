#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "member.h"

namespace strandline::fleet_load {

/// One event loop with its thread and its part of the fleet.
class Shard {
public:
    Shard(const Options& options, const agent::AgentConfig& config, Board& board);
    ~Shard();

    /// Before start().
    void add(std::string name);
    /// Starts the members, at most `parallel` at a time.
    void start(std::size_t parallel);
    /// Stops them in order, as far as the time allows, and joins the thread.
    void stop();

private:
    [[nodiscard]] boost::asio::awaitable<void> lane();
    [[nodiscard]] boost::asio::awaitable<void> stop_lane(Deadline deadline);
    [[nodiscard]] boost::asio::awaitable<void> stop_all();

    const Options* options_;
    const agent::AgentConfig* config_;
    Board* board_;
    net::Runtime runtime_;
    net::Signal ended_;
    std::vector<std::unique_ptr<Member>> members_;
    std::size_t next_ = 0;
    std::size_t next_stop_ = 0;
    std::size_t stopping_lanes_ = 0;
    std::thread thread_;
};

}  // namespace strandline::fleet_load
