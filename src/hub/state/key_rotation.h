#pragma once

#include <cstddef>

#include "base/clock.h"
#include "hub/hub_config.h"

namespace strandline::hub {

struct RotationSummary {
    std::int64_t keyset_version = 0;
    std::size_t manifests = 0;
    std::size_t desired_states = 0;
};

/// Replaces the manifest and desired keys of a stopped hub and signs every manifest and desired
/// state again. Interrupted, it may be repeated: the set names old and new manifest key meanwhile.
[[nodiscard]] Result<RotationSummary> rotate_hub_keys(const HubConfig& config, const Clock& clock);

}  // namespace strandline::hub
