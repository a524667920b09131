#pragma once

#include "hub/api/routes.h"
#include "hub/services.h"

namespace strandline::hub {

/// The event log, as a list or a stream, and the audit log.
void add_event_routes(Routes& routes, Services& services);

}  // namespace strandline::hub
