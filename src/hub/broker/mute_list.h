#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"

namespace strandline::hub {

/// Devices that may not publish for a while, because they flooded the broker. Each time a device
/// comes back to it within `memory`, it stays twice as long, up to `longest`. Thread-safe.
class MuteList {
public:
    struct Spans {
        std::chrono::milliseconds first{60'000};
        std::chrono::milliseconds longest{3'600'000};
        std::chrono::milliseconds memory{86'400'000};
    };

    MuteList(Spans spans, const Clock& clock) : spans_(spans), clock_(&clock) {}

    /// How long it is muted from now; nothing when it is muted already.
    [[nodiscard]] std::chrono::milliseconds add(const std::string& device);
    /// Those whose time has not passed.
    [[nodiscard]] std::vector<std::string> names() const;

private:
    struct Entry {
        SteadyTime until;
        std::chrono::milliseconds span{0};
    };

    void forget_old(SteadyTime now);

    Spans spans_;
    const Clock* clock_;
    mutable std::mutex mutex_;
    std::map<std::string, Entry> entries_;
};

}  // namespace strandline::hub
