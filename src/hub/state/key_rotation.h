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

struct Storage;

/// Replaces the manifest and desired keys of a stopped hub and signs every manifest and desired
/// state again. Interrupted, it may be repeated: the set names old and new manifest key meanwhile.
[[nodiscard]] Result<RotationSummary> rotate_hub_keys(const HubConfig& config, const Clock& clock);
/// The same with storage that is open already; the new key set's version is at least `min_version`.
[[nodiscard]] Result<RotationSummary> rotate_hub_keys(Storage& storage, std::int64_t min_version);

}  // namespace strandline::hub
