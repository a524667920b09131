#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace strandline::trust {

struct IssuedCertificate {
    std::string certificate_pem;
    std::string serial;  ///< lower-case hexadecimal, as in Peer::certificate_serial
    WallTime not_after;
};

struct KeyAndCertificate {
    std::string private_key_pem;
    IssuedCertificate issued;
};

struct Revoked {
    std::string serial;
    WallTime at;
};

/// The hub's own certificate authority: one self-signed P-256 root that issues server, client and
/// device certificates. Serial numbers are 128 random bits. Thread-safe after creation.
class CertificateAuthority {
public:
    /// Loads `folder`/ca.key and ca.crt, or makes them (mode 0600, written atomically).
    [[nodiscard]] static Result<std::unique_ptr<CertificateAuthority>> open_or_create(
        const std::filesystem::path& folder, std::string_view name, const Clock& clock);
    ~CertificateAuthority();

    [[nodiscard]] const std::string& certificate_pem() const;
    /// Hex SHA-256 of the certificate's DER: what a join token carries.
    [[nodiscard]] const std::string& certificate_sha256() const;

    /// Key and certificate for a TLS server; names are DNS names or IP addresses. Also valid as a
    /// client.
    [[nodiscard]] Result<KeyAndCertificate> issue_server(std::string_view common_name,
                                                         std::span<const std::string> names,
                                                         std::chrono::days validity) const;
    /// Key and certificate for one of the hub's own clients.
    [[nodiscard]] Result<KeyAndCertificate> issue_client(std::string_view common_name,
                                                         std::chrono::seconds validity) const;
    /// Signs a device's request. Only the public key of the CSR is used, after its proof of
    /// possession is checked; subject and extensions are ours. P-256, Ed25519 and RSA >= 2048 keys.
    [[nodiscard]] Result<IssuedCertificate> sign_request(std::string_view csr_pem,
                                                         std::string_view common_name,
                                                         std::chrono::seconds validity) const;
    /// A CRL (RFC 5280 section 5) in PEM.
    [[nodiscard]] Result<std::string> make_crl(std::span<const Revoked> revoked,
                                               std::int64_t number,
                                               std::chrono::seconds validity) const;

private:
    struct Impl;
    explicit CertificateAuthority(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// The device's half of an enrolment: a new P-256 key and a PKCS#10 request for it.
struct KeyAndRequest {
    std::string private_key_pem;
    std::string csr_pem;
};
[[nodiscard]] Result<KeyAndRequest> make_certificate_request(std::string_view common_name);
/// A request for a key that exists (renewal keeps the key).
[[nodiscard]] Result<std::string> make_request_for_key(std::string_view private_key_pem,
                                                       std::string_view common_name);

struct CertificateInfo {
    std::string common_name;
    std::string serial;
    WallTime not_before;
    WallTime not_after;
};
[[nodiscard]] Result<CertificateInfo> read_certificate(std::string_view pem);
/// Hex SHA-256 of the certificate's DER.
[[nodiscard]] Result<std::string> certificate_sha256(std::string_view pem);

}  // namespace strandline::trust
