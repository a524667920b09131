#pragma once

#include "hub/api/routes.h"
#include "hub/services.h"

namespace strandline::hub {

/// Health, metrics, status, identity of the caller, the CA certificate.
void add_system_routes(Routes& routes, Services& services);

}  // namespace strandline::hub
