#pragma once

#include <optional>
#include <string>
#include <utility>

#include "agent/updater.h"
#include "agent/watch.h"

namespace strandline::agent {

/// What the updater keeps of one slot. It lives as long as the updater.
struct Updater::Worker {
    Worker(net::Runtime& runtime, std::string name) : wake(runtime.executor()), hands(runtime) {
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
    bool probing = false;
    bool verifying = false;
};

}  // namespace strandline::agent
