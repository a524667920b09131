#pragma once

#include "hub/api/routes.h"
#include "hub/services.h"

namespace strandline::hub {

/// Join tokens of devices and bearer tokens of operators.
void add_token_routes(Routes& routes, Services& services);

}  // namespace strandline::hub
