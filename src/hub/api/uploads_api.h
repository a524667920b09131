#pragma once

#include "hub/api/routes.h"
#include "hub/services.h"

namespace strandline::hub {

/// Resumable uploads: tus 1.0.0, core protocol and creation.
void add_upload_routes(Routes& routes, Services& services);

}  // namespace strandline::hub
