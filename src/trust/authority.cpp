#include "trust/authority.h"

#include <algorithm>
#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/sha256.h"
#include "trust/certificate.h"
#include "trust/crl.h"
#include "trust/request.h"

namespace strandline::trust {
namespace {
namespace fs = std::filesystem;

// How far a peer's clock may be behind ours.
constexpr std::chrono::hours leaf_backdate{1};
constexpr std::chrono::hours authority_backdate{24};
constexpr std::chrono::hours authority_life{24 * 365 * 20};

constexpr std::chrono::seconds min_validity{1};

Result<KeyPtr> load_key(const fs::path& path) {
    TRY(const auto pem, read_text_file(path, max_pem_bytes));
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && (status.st_mode & 077U) != 0) {
        log_warn("ca key readable by others path={} fix=\"chmod 600\"", path.string());
    }
    return private_key_from_pem(pem);
}

Result<KeyPtr> create_key(const fs::path& path) {
    TRY(auto key, make_p256_key());
    TRY(const auto pem, private_key_to_pem(key.get()));
    TRY(write_file_atomically(path, as_bytes(pem), 0600));
    return key;
}

Result<CertificatePtr> create_certificate(const fs::path& path, EVP_PKEY* key,
                                          std::string_view name, const Clock& clock) {
    CertificateOrder order;
    order.common_name = name;
    order.usage = Usage::authority;
    order.not_before = clock.wall() - authority_backdate;
    order.not_after = clock.wall() + authority_life;
    TRY(auto certificate, build_certificate(order, key, nullptr, key));
    const std::string pem = certificate_to_pem(certificate.get());
    TRY(write_file_atomically(path, as_bytes(pem), 0644));
    log_info("ca created path={}", path.string());
    return certificate;
}

Result<CertificatePtr> load_certificate(const fs::path& path, const EVP_PKEY* key,
                                        const Clock& clock) {
    TRY(const auto pem, read_text_file(path, max_pem_bytes));
    TRY(auto certificate, certificate_from_pem(pem));
    if (X509_check_private_key(certificate.get(), key) != 1) {
        ERR_clear_error();
        return fail(Errc::conflict,
                    "ca.key and ca.crt do not belong together; restore both from one backup");
    }
    if (X509_check_ca(certificate.get()) != 1) {
        return fail(Errc::invalid, "ca.crt is not the certificate of an authority");
    }
    if (time_of(X509_get0_notAfter(certificate.get())) < clock.wall()) {
        log_warn("ca expired path={} not_after={}", path.string(),
                 to_rfc3339(time_of(X509_get0_notAfter(certificate.get()))));
    }
    return certificate;
}

}  // namespace

struct CertificateAuthority::Impl {
    KeyPtr key;
    CertificatePtr certificate;
    std::string pem;
    std::string sha256;
    const Clock* clock = nullptr;

    Result<IssuedCertificate> issue(CertificateOrder order, std::chrono::seconds validity,
                                    EVP_PKEY* subject) const {
        TRY(check_name("common name", order.common_name));
        if (validity < min_validity)
            return fail(Errc::invalid, "certificate validity: must be at least a second");
        const WallTime ca_end = time_of(X509_get0_notAfter(certificate.get()));
        const auto left = std::chrono::floor<std::chrono::seconds>(ca_end - clock->wall());
        order.not_before = clock->wall() - leaf_backdate;
        // No certificate outlives its issuer.
        order.not_after = clock->wall() + std::min(validity, left);
        TRY(const auto issued, build_certificate(order, subject, certificate.get(), key.get()));
        return IssuedCertificate{certificate_to_pem(issued.get()),
                                 serial_of(X509_get0_serialNumber(issued.get())),
                                 time_of(X509_get0_notAfter(issued.get()))};
    }

    Result<KeyAndCertificate> issue_with_key(const CertificateOrder& order,
                                             std::chrono::seconds validity) const {
        TRY(const auto subject, make_p256_key());
        KeyAndCertificate out;
        TRY(out.issued, issue(order, validity, subject.get()));
        TRY(out.private_key_pem, private_key_to_pem(subject.get()));
        return out;
    }
};

CertificateAuthority::CertificateAuthority(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CertificateAuthority::~CertificateAuthority() = default;

Result<std::unique_ptr<CertificateAuthority>> CertificateAuthority::open_or_create(
    const fs::path& folder, std::string_view name, const Clock& clock) {
    TRY(make_folders(folder));
    const fs::path key_path = folder / "ca.key";
    const fs::path certificate_path = folder / "ca.crt";
    const bool has_key = fs::exists(key_path);
    const bool has_certificate = fs::exists(certificate_path);
    if (has_certificate && !has_key) {
        return fail(Errc::conflict,
                    fmt::format("{}: is missing beside ca.crt; restore it from a backup, or remove "
                                "ca.crt to start anew (every device must then enrol again)",
                                key_path.string()));
    }
    auto impl = std::make_unique<Impl>();
    impl->clock = &clock;
    auto key = has_key ? load_key(key_path) : create_key(key_path);
    if (!key) return context(key_path.string(), key.error());
    impl->key = *std::move(key);
    // A key alone is a first start that was cut short: nothing has been issued with it yet.
    auto certificate = has_certificate
                           ? load_certificate(certificate_path, impl->key.get(), clock)
                           : create_certificate(certificate_path, impl->key.get(), name, clock);
    if (!certificate) return context(certificate_path.string(), certificate.error());
    impl->certificate = *std::move(certificate);
    impl->pem = certificate_to_pem(impl->certificate.get());
    TRY(impl->sha256, trust::certificate_sha256(impl->pem));
    return std::unique_ptr<CertificateAuthority>(new CertificateAuthority(std::move(impl)));
}

const std::string& CertificateAuthority::certificate_pem() const { return impl_->pem; }

const std::string& CertificateAuthority::certificate_sha256() const { return impl_->sha256; }

Result<KeyAndCertificate> CertificateAuthority::issue_server(std::string_view common_name,
                                                             std::span<const std::string> names,
                                                             std::chrono::days validity) const {
    if (names.empty())
        return fail(Errc::invalid, "server certificate: needs at least one DNS name or IP address");
    CertificateOrder order;
    order.common_name = common_name;
    order.usage = Usage::server_and_client;
    order.names = names;
    return impl_->issue_with_key(order, validity);
}

Result<KeyAndCertificate> CertificateAuthority::issue_client(std::string_view common_name,
                                                             std::chrono::seconds validity) const {
    CertificateOrder order;
    order.common_name = common_name;
    return impl_->issue_with_key(order, validity);
}

Result<IssuedCertificate> CertificateAuthority::sign_request(std::string_view csr_pem,
                                                             std::string_view common_name,
                                                             std::chrono::seconds validity) const {
    TRY(const auto subject, proven_key_of_request(csr_pem));
    CertificateOrder order;
    order.common_name = common_name;
    return impl_->issue(order, validity, subject.get());
}

Result<std::string> CertificateAuthority::make_crl(std::span<const Revoked> revoked,
                                                   std::int64_t number,
                                                   std::chrono::seconds validity) const {
    CrlOrder order;
    order.revoked = revoked;
    order.number = number;
    order.this_update = impl_->clock->wall() - leaf_backdate;
    order.next_update = impl_->clock->wall() + validity;
    return build_crl(order, impl_->certificate.get(), impl_->key.get());
}

}  // namespace strandline::trust
