#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"

namespace strandline::fleet_load {

/// Where the whole fleet stands. Members on every thread write to it; it prints what the reader of
/// standard output waits for at the moment when it happens. Thread-safe.
class Board {
public:
    Board(std::size_t agents, const Clock& clock);

    void enrolled();
    void started();
    void failed(const std::string& device, const std::string& why);
    /// One member's broker connection came or went.
    void link(bool connected);
    /// One member's active release changed; empty means none. `release` is PACKAGE@VERSION.
    void moved(const std::string& from, const std::string& to);
    /// One member refused an order.
    void refused();

    /// The members are about to leave: their connections count no longer.
    void close();

    /// The line of each second.
    void print_progress();
    /// The last line: JSON with the counts, CPU seconds and memory of this process.
    void print_summary();

private:
    struct Reached {
        std::size_t now = 0;
        SteadyTime first{};
    };
    void print(const std::string& line) const;
    void everybody_is_back();
    [[nodiscard]] double since_start(SteadyTime at) const;

    const std::size_t agents_;
    const Clock* clock_;
    const SteadyTime start_;
    mutable std::mutex mutex_;
    std::size_t enrolled_ = 0;
    std::size_t started_ = 0;
    std::size_t failed_ = 0;
    std::size_t online_ = 0;
    std::size_t losses_ = 0;
    std::size_t refused_ = 0;
    bool complete_ = false;  ///< everybody was connected at least once
    bool closed_ = false;
    SteadyTime first_loss_{};
    std::vector<double> returns_s_;  ///< since the first loss of this storm
    std::map<std::string, Reached> releases_;
};

}  // namespace strandline::fleet_load
