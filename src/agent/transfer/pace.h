#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "policy/token_bucket.h"

namespace strandline::agent {

/// Bounds the bytes per second of all downloads of one agent. Belongs to the I/O thread.
class Pace {
public:
    /// 0 is unlimited.
    explicit Pace(std::uint64_t max_bytes_per_second, const Clock& clock = system_clock());
    /// Waits until `bytes` more may be read.
    [[nodiscard]] boost::asio::awaitable<void> take(std::uint64_t bytes);

private:
    std::optional<policy::TokenBucket> bucket_;
    const Clock* clock_;
};

}  // namespace strandline::agent
