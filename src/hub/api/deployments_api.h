#pragma once

#include "hub/api/routes.h"
#include "hub/services.h"

namespace strandline::hub {

/// Deployments: making, watching, rolling back, cancelling.
void add_deployment_routes(Routes& routes, Services& services);

}  // namespace strandline::hub
