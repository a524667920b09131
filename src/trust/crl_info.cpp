#include "trust/crl_info.h"

#include <openssl/pem.h>

#include "trust/certificate.h"
#include "trust/openssl.h"

namespace strandline::trust {

Result<CrlInfo> read_crl(std::string_view pem) {
    const auto bio = read_bio(pem);
    const CrlPtr crl(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
    if (!crl) return openssl_error(Errc::invalid, "revocation list: not a PEM CRL");
    return CrlInfo{time_of(X509_CRL_get0_lastUpdate(crl.get())),
                   time_of(X509_CRL_get0_nextUpdate(crl.get()))};
}

}  // namespace strandline::trust
