#pragma once

#include <string_view>

#include "hub/services.h"

namespace strandline::hub {

/// Brings the deployments that follow the channel to where it points. Call it whenever a request
/// named the channel, moved or not: the hub may have ended between an earlier move and this. What
/// follows already is left alone. Worker thread.
[[nodiscard]] Result<fleet::DeployedMany> lead_followers(Services& services,
                                                         std::string_view package,
                                                         std::string_view channel,
                                                         std::string_view by);

/// The same for every channel whose followers stayed behind, at the start of the hub. One that
/// cannot follow is logged and keeps neither the others nor the hub from going on.
[[nodiscard]] Status lead_left_behind(Services& services);

}  // namespace strandline::hub
