#pragma once

#include "hub/api/routes.h"
#include "hub/services.h"

namespace strandline::hub {

/// Making releases from JSON or a form, reading and removing them, signed manifests.
void add_release_routes(Routes& routes, Services& services);

}  // namespace strandline::hub
