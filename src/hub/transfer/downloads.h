#pragma once

#include <string>

#include "hub/services.h"
#include "net/http_message.h"

namespace strandline::hub {

/// The answer that sends a blob, once the transfer gate admits `who`: ranges, ETag (its hash) and
/// immutable caching are taken care of. HEAD passes the gate. `request` lives until it is sent.
[[nodiscard]] net::Task<net::Response> send_blob(Services& services, const net::Request& request,
                                                 Sha256Digest digest, std::string who);

}  // namespace strandline::hub
