#pragma once

#include "hub/api/routes.h"
#include "hub/services.h"

namespace strandline::hub {

/// Downloads of deltas, which are asked for on the way, and the list of jobs.
void add_delta_routes(Routes& routes, Services& services);

}  // namespace strandline::hub
