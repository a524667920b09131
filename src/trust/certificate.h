#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "trust/openssl.h"

// Building X.509 v3 certificates (RFC 5280). Internal to trust.
namespace strandline::trust {

/// What a certificate is for; decides its extensions.
enum class Usage { authority, server_and_client, client };

struct CertificateOrder {
    std::string common_name;
    Usage usage = Usage::client;
    WallTime not_before;
    WallTime not_after;
    std::span<const std::string> names;  ///< subjectAltName: DNS names and IP addresses
};

/// Builds and signs a certificate for `subject_key`. `issuer` is null for one that signs itself.
[[nodiscard]] Result<CertificatePtr> build_certificate(const CertificateOrder& order,
                                                       EVP_PKEY* subject_key, const X509* issuer,
                                                       EVP_PKEY* issuer_key);

[[nodiscard]] Result<KeyPtr> make_p256_key();
/// P-256, Ed25519 and RSA of 2048 to 8192 bits; else `invalid`.
[[nodiscard]] Status check_public_key(const EVP_PKEY* key);
/// SHA-256 for the kinds of key that take a digest, null for Ed25519.
[[nodiscard]] const EVP_MD* digest_for(const EVP_PKEY* key);

[[nodiscard]] Status add_common_name(X509_NAME* name, std::string_view common_name);
[[nodiscard]] Result<CertificatePtr> certificate_from_pem(std::string_view pem);
[[nodiscard]] std::string certificate_to_pem(const X509* certificate);
/// Lower-case hexadecimal, without leading zero bytes.
[[nodiscard]] std::string serial_of(const ASN1_INTEGER* serial);
[[nodiscard]] WallTime time_of(const ASN1_TIME* time);
[[nodiscard]] bool set_time(ASN1_TIME* out, WallTime time);

}  // namespace strandline::trust
