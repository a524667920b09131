#pragma once

#include <string>

#include "hub/legacy/legacy_uploads.h"
#include "net/router.h"

namespace strandline::hub {

/// The routes of the older platform's upload API (specs S0-5, S0-8): `/api/file_upload/`,
/// `/api/file_upload/{id}/` and `/media/Files/TITLE/NAME`. Document links start
/// with `services.addresses.legacy_url`. `uploads` and `services` must outlive the router.
[[nodiscard]] net::Router make_legacy_router(Services& services, LegacyUploads& uploads);

/// The message on topic `pushnotification` (specs S0-4).
[[nodiscard]] std::string push_notification(const registry::LegacyFile& file,
                                            const std::string& origin, WallTime now);

}  // namespace strandline::hub
