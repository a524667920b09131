#pragma once

#include <string_view>

#include "trust/openssl.h"

// PKCS#10 requests (RFC 2986). Internal to trust.
namespace strandline::trust {

/// The public key of a request, once the request is proved to be signed with its private half.
/// Nothing else of a request is used.
[[nodiscard]] Result<KeyPtr> proven_key_of_request(std::string_view csr_pem);

}  // namespace strandline::trust
