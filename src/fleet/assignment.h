#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "fleet/selector.h"

namespace strandline::fleet {

/// What a decision must know of a deployment.
struct Candidate {
    std::string deployment;
    std::int64_t sequence = 0;
    std::string slot;
    Selector to;
};

/// The deployments that a device shall receive now because of what it is: per slot the newest
/// standing one that matches, unless the slot holds a newer one that still means the device. What
/// nothing matches any more stays as it is. `standing` is sorted newest first; `current` by slot.
/// Pure.
[[nodiscard]] std::vector<Candidate> choose_assignments(
    const Traits& traits, const std::vector<Candidate>& standing,
    const std::map<std::string, Candidate>& current);

}  // namespace strandline::fleet
