#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "registry/hooks.h"
#include "store/sql/database.h"

namespace strandline::fleet {

enum class Refresh {
    changed,  ///< only where the content changed
    all,      ///< sign everything again
};

/// Builds and signs the desired states of these devices anew from their slots; where the content
/// changed, or when asked to, the generation grows by one. Returns the devices that got a new one.
/// The spread is that of the newest deployment among the slots. Internal to fleet's services.
[[nodiscard]] Result<std::vector<std::string>> refresh_desired(store::Transaction& transaction,
                                                               std::span<const std::string> devices,
                                                               const registry::Signer& sign,
                                                               WallTime now,
                                                               Refresh refresh = Refresh::changed);

/// From now on every new generation of any device is above `floor`.
[[nodiscard]] Status raise_generation_floor(store::Transaction& transaction, std::int64_t floor);

/// Makes the device's next generation follow `generation`; false when it does so already or the
/// device has no desired state.
[[nodiscard]] Result<bool> overtake_generation(store::Transaction& transaction,
                                               const std::string& device, std::int64_t generation);

/// Up to `limit` ids of devices after `after` that have a desired state and are not revoked.
[[nodiscard]] Result<std::vector<std::string>> devices_with_desired(store::Transaction& transaction,
                                                                    std::string_view after,
                                                                    std::size_t limit);

}  // namespace strandline::fleet
