#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/sha256.h"
#include "trust/authority.h"
#include "trust/certificate.h"

namespace strandline::trust {
namespace {

Result<std::string> common_name_of(const X509* certificate) {
    const X509_NAME* name = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0) return fail(Errc::invalid, "certificate: has no common name");
    unsigned char* text = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size < 0) return openssl_error(Errc::invalid, "certificate: its common name is not text");
    std::string out(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    // Else "device\0.evil" could pass for "device" somewhere.
    if (out.find('\0') != std::string::npos)
        return fail(Errc::invalid, "certificate: its common name has a NUL");
    return out;
}

}  // namespace

Result<CertificateInfo> read_certificate(std::string_view pem) {
    TRY(const auto certificate, certificate_from_pem(pem));
    CertificateInfo info;
    TRY(info.common_name, common_name_of(certificate.get()));
    info.serial = serial_of(X509_get0_serialNumber(certificate.get()));
    info.not_before = time_of(X509_get0_notBefore(certificate.get()));
    info.not_after = time_of(X509_get0_notAfter(certificate.get()));
    return info;
}

Result<std::string> certificate_sha256(std::string_view pem) {
    TRY(const auto certificate, certificate_from_pem(pem));
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    if (size < 0) return openssl_error(Errc::internal, "encode certificate");
    const auto digest = sha256(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
    OPENSSL_free(der);
    return digest.hex();
}

}  // namespace strandline::trust
