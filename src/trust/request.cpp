#include "trust/request.h"

#include <fmt/core.h>
#include <openssl/pem.h>

#include "trust/authority.h"
#include "trust/certificate.h"

namespace strandline::trust {
namespace {

Result<std::string> request_for(EVP_PKEY* key, std::string_view common_name) {
    TRY(check_public_key(key));
    const RequestPtr request(X509_REQ_new());
    STRANDLINE_ASSERT(request != nullptr);
    TRY(add_common_name(X509_REQ_get_subject_name(request.get()), common_name));
    const auto bio = memory_bio();
    if (X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
        X509_REQ_set_pubkey(request.get(), key) != 1 ||
        X509_REQ_sign(request.get(), key, digest_for(key)) == 0 ||
        PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1) {
        return openssl_error(Errc::internal, "make certificate request");
    }
    return content(bio);
}

}  // namespace

Result<KeyPtr> proven_key_of_request(std::string_view csr_pem) {
    if (csr_pem.empty() || csr_pem.size() > max_pem_bytes) {
        return fail(
            Errc::invalid,
            fmt::format("certificate request: PEM of 1 to {} bytes is expected", max_pem_bytes));
    }
    const auto bio = read_bio(csr_pem);
    const RequestPtr request(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
    if (!request)
        return openssl_error(Errc::invalid, "certificate request: not a PEM PKCS#10 request");
    KeyPtr key(X509_REQ_get_pubkey(request.get()));
    if (!key)
        return openssl_error(Errc::invalid, "certificate request: its public key cannot be read");
    // Before the proof, which costs as much as the key is long.
    const auto good = check_public_key(key.get());
    if (!good) return context("certificate request", good.error());
    if (X509_REQ_verify(request.get(), key.get()) != 1) {
        return openssl_error(Errc::invalid,
                             "certificate request: is not signed with the key it asks for");
    }
    return key;
}

Result<KeyAndRequest> make_certificate_request(std::string_view common_name) {
    TRY(const auto key, make_p256_key());
    KeyAndRequest out;
    TRY(out.csr_pem, request_for(key.get(), common_name));
    TRY(out.private_key_pem, private_key_to_pem(key.get()));
    return out;
}

Result<std::string> make_request_for_key(std::string_view private_key_pem,
                                         std::string_view common_name) {
    TRY(const auto key, private_key_from_pem(private_key_pem));
    return request_for(key.get(), common_name);
}

}  // namespace strandline::trust
