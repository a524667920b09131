#pragma once

#include "hub/api/routes.h"
#include "hub/services.h"

namespace strandline::hub {

/// Devices as operators see them.
void add_device_admin_routes(Routes& routes, Services& services);

}  // namespace strandline::hub
