#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace strandline::hub {

/// What one device may send within a window. An agent sends at most ten reports a second; what
/// waited for a hub that was away comes at once, and still fits.
struct FloodLimits {
    std::chrono::milliseconds window{10'000};
    std::size_t messages = 5'000;
    std::size_t bytes = std::size_t{32} << 20;
};

/// Finds devices that send so much that the broker's queue to the hub runs over, at the cost of
/// every other device: mosquitto then drops packets of any kind, those of QoS 1 too. Remembers the
/// senders of one window. Not thread-safe.
class FloodGuard {
public:
    enum class Verdict {
        fine,
        flood,   ///< this message is the first beyond the limit; once per device and window
        excess,  ///< more of the same
    };

    explicit FloodGuard(FloodLimits limits = {}) : limits_(limits) {}

    [[nodiscard]] Verdict take(const std::string& device, std::size_t bytes, SteadyTime now);

private:
    struct Sent {
        std::size_t messages = 0;
        std::size_t bytes = 0;
        bool told = false;
    };

    FloodLimits limits_;
    SteadyTime began_{};
    std::unordered_map<std::string, Sent> sent_;
};

}  // namespace strandline::hub
