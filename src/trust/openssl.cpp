#include "trust/openssl.h"

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace strandline::trust {
namespace {

// A key with a passphrase is refused: nobody is there to ask.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

}  // namespace

Error openssl_error(Errc code, std::string_view what) {
    const unsigned long number = ERR_peek_last_error();
    const char* reason = ERR_reason_error_string(number);
    ERR_clear_error();
    return fail(code, reason == nullptr ? std::string(what) : fmt::format("{}: {}", what, reason));
}

BioPtr read_bio(std::string_view text) {
    BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    STRANDLINE_ASSERT(bio != nullptr);
    return bio;
}

BioPtr memory_bio() {
    BioPtr bio(BIO_new(BIO_s_mem()));
    STRANDLINE_ASSERT(bio != nullptr);
    return bio;
}

std::string content(const BioPtr& bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

Result<KeyPtr> private_key_from_pem(std::string_view pem) {
    if (pem.empty() || pem.size() > max_pem_bytes) {
        return fail(Errc::invalid,
                    fmt::format("private key: PEM of 1 to {} bytes is expected", max_pem_bytes));
    }
    const auto bio = read_bio(pem);
    KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
    if (!key)
        return openssl_error(Errc::invalid, "private key: not an unencrypted PEM private key");
    return key;
}

Result<std::string> private_key_to_pem(const EVP_PKEY* key) {
    const auto bio = memory_bio();
    if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        return openssl_error(Errc::internal, "write private key");
    }
    return content(bio);
}

}  // namespace strandline::trust
