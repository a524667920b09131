#pragma once

#include "hub/api/routes.h"
#include "hub/services.h"

namespace strandline::hub {

/// One-shot uploads, and downloads of files and deltas with admission and entitlement.
void add_blob_routes(Routes& routes, Services& services);

}  // namespace strandline::hub
