#pragma once

#include "hub/api/routes.h"
#include "hub/services.h"

namespace strandline::hub {

/// What devices ask for over HTTPS: enrolment, renewal, desired state, reports, key set.
void add_device_routes(Routes& routes, Services& services);

}  // namespace strandline::hub
