#pragma once

#include <optional>
#include <string>
#include <utility>

#include "agent/updater.h"
#include "agent/watch.h"
#include "base/backoff.h"

namespace strandline::agent {

inline constexpr std::chrono::seconds min_reload{5};
inline constexpr std::chrono::minutes max_reload{5};

/// What the updater keeps of one slot. It lives as long as the updater.
struct Updater::Worker {
    Worker(net::Runtime& runtime, Random& random, std::string name)
        : wake(runtime.executor()), hands(runtime), reload_wait(min_reload, max_reload, random) {
        slot.name = std::move(name);
    }
    Slot slot;
    net::Signal wake;
    /// Held by who loads or ends releases of the slot.
    Turn hands;
    Deadline not_before = Deadline::after(std::chrono::nanoseconds{0});
    bool removed = false;
    /// When an order that the hub could not deliver is tried again, and how often it was.
    Deadline second_look = Deadline::after(std::chrono::nanoseconds{0});
    unsigned looks = 0;
    std::optional<OrderId> looked_for;
    RestartCount restarts;
    /// When a release that could not be loaded is tried again; none while it runs.
    std::optional<Deadline> reload_due;
    Backoff reload_wait;
    bool probing = false;
    bool verifying = false;
};

}  // namespace strandline::agent
