#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "net/runtime.h"

namespace strandline::agent {

/// What a running release did since it was published.
struct RunStatistics {
    std::uint64_t inferences = 0;
    std::uint64_t errors = 0;
    std::chrono::nanoseconds p99{0};
    std::uint64_t restarts = 0;  ///< of a process
};

/// A release that is loaded or started. Belongs to the I/O thread.
class RunningRelease {
public:
    virtual ~RunningRelease() = default;
    /// Makes it the one that clients of the slot reach; what was reached before may then end.
    virtual void publish() = 0;
    [[nodiscard]] virtual RunStatistics statistics() const = 0;
    /// Asks it for its golden answers: what is wrong with them, or nothing. An error means that it
    /// could not be asked. The object itself may end meanwhile.
    [[nodiscard]] virtual net::Task<std::optional<std::string>> probe() = 0;
    /// Ends it. Requests that run are answered first. Idempotent.
    [[nodiscard]] virtual boost::asio::awaitable<void> stop() = 0;
};

}  // namespace strandline::agent
