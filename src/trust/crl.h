#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "trust/authority.h"
#include "trust/openssl.h"

// Internal to trust.
namespace strandline::trust {

struct CrlOrder {
    std::span<const Revoked> revoked;
    std::int64_t number = 0;
    WallTime this_update;
    WallTime next_update;
};

/// A version 2 CRL (RFC 5280 section 5) in PEM.
[[nodiscard]] Result<std::string> build_crl(const CrlOrder& order, X509* issuer,
                                            EVP_PKEY* issuer_key);

}  // namespace strandline::trust
