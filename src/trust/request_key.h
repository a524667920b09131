#pragma once

#include <string_view>

#include "base/result.h"
#include "base/sha256.h"

namespace strandline::trust {

/// SHA-256 of the public key (DER, SubjectPublicKeyInfo) of a PKCS#10 request whose signature
/// proves that the sender has the private key; `invalid` when it does not.
[[nodiscard]] Result<Sha256Digest> key_of_request(std::string_view csr_pem);

}  // namespace strandline::trust
