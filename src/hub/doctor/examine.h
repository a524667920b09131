#pragma once

#include "doctor/report.h"
#include "hub/hub_config.h"

namespace strandline::hub {

/// Everything that can be found out about a hub on its own machine, running or not.
[[nodiscard]] doctor::Report examine(const HubConfig& config);

}  // namespace strandline::hub
