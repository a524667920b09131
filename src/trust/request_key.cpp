#include "trust/request_key.h"

#include <openssl/x509.h>

#include "base/bytes.h"
#include "trust/request.h"

namespace strandline::trust {

Result<Sha256Digest> key_of_request(std::string_view csr_pem) {
    TRY(const auto key, proven_key_of_request(csr_pem));
    const int size = i2d_PUBKEY(key.get(), nullptr);
    if (size <= 0)
        return fail(Errc::invalid, "certificate request: its public key is not readable");
    Bytes der(static_cast<std::size_t>(size));
    auto* out = reinterpret_cast<unsigned char*>(der.data());
    if (i2d_PUBKEY(key.get(), &out) != size)
        return fail(Errc::internal, "certificate request: its public key cannot be encoded");
    return sha256(ByteSpan(der));
}

}  // namespace strandline::trust
