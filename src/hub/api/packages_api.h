#pragma once

#include "hub/api/routes.h"
#include "hub/services.h"

namespace strandline::hub {

/// Packages, their variants and channels.
void add_package_routes(Routes& routes, Services& services);

}  // namespace strandline::hub
