#pragma once

#include "hub/api/routes.h"
#include "hub/services.h"

namespace strandline::hub {

/// Clusters and their members.
void add_cluster_routes(Routes& routes, Services& services);

}  // namespace strandline::hub
