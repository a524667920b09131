#pragma once

#include "hub/services.h"
#include "net/http_message.h"

namespace strandline::hub {

/// The answer that sends a blob, once the transfer gate admits it: ranges, ETag (its hash) and
/// immutable caching. HEAD requests are always admitted.
[[nodiscard]] Result<net::Response> send_blob(Services& services, const net::Request& request,
                                              const Sha256Digest& digest);

}  // namespace strandline::hub
