#pragma once

#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/free_with.h"
#include "base/result.h"

// Ownership and errors of OpenSSL. Internal to trust: included by its .cpp files only.
namespace strandline::trust {

using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using CertificatePtr = std::unique_ptr<X509, FreeWith<X509_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, FreeWith<X509_REQ_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, FreeWith<X509_CRL_free>>;
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free>>;

/// An error with OpenSSL's own reason, whose queue is emptied. Reasons hold no key material.
[[nodiscard]] Error openssl_error(Errc code, std::string_view what);

/// A BIO that reads borrowed text.
[[nodiscard]] BioPtr read_bio(std::string_view text);
/// A BIO to write to, and its content.
[[nodiscard]] BioPtr memory_bio();
[[nodiscard]] std::string content(const BioPtr& bio);

/// PKCS#8 PEM without a passphrase; an encrypted key is `invalid` and never asks.
[[nodiscard]] Result<KeyPtr> private_key_from_pem(std::string_view pem);
[[nodiscard]] Result<std::string> private_key_to_pem(const EVP_PKEY* key);

inline const unsigned char* raw(ByteSpan bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* raw(std::span<std::byte> bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

/// PEM documents larger than this are refused before they are parsed.
inline constexpr std::size_t max_pem_bytes = std::size_t{64} * 1024;

}  // namespace strandline::trust
