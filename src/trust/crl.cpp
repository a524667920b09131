#include "trust/crl.h"

#include <fmt/core.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <set>

#include "trust/certificate.h"

namespace strandline::trust {
namespace {

constexpr std::size_t max_serial_bytes = 20;  // RFC 5280 section 4.1.2.2

using BigNumberPtr = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, FreeWith<ASN1_INTEGER_free>>;
using TimePtr = std::unique_ptr<ASN1_TIME, FreeWith<ASN1_TIME_free>>;
using RevokedPtr = std::unique_ptr<X509_REVOKED, FreeWith<X509_REVOKED_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;

Result<IntegerPtr> parse_serial(const std::string& text) {
    const auto bytes = from_hex(text);
    if (!bytes || bytes->empty() || bytes->size() > max_serial_bytes) {
        return fail(Errc::invalid,
                    fmt::format("revoked serial \"{}\": 1 to {} bytes of hexadecimal are expected",
                                text.substr(0, 64), max_serial_bytes));
    }
    const BigNumberPtr number(
        BN_bin2bn(raw(ByteSpan(*bytes)), static_cast<int>(bytes->size()), nullptr));
    IntegerPtr serial(number ? BN_to_ASN1_INTEGER(number.get(), nullptr) : nullptr);
    if (!serial) return openssl_error(Errc::internal, "revoked serial");
    return serial;
}

Status add_entry(X509_CRL* crl, const Revoked& revoked) {
    TRY(const auto serial, parse_serial(revoked.serial));
    RevokedPtr entry(X509_REVOKED_new());
    const TimePtr at(ASN1_TIME_new());
    if (!entry || !at || !set_time(at.get(), revoked.at) ||
        X509_REVOKED_set_serialNumber(entry.get(), serial.get()) != 1 ||
        X509_REVOKED_set_revocationDate(entry.get(), at.get()) != 1 ||
        X509_CRL_add0_revoked(crl, entry.get()) != 1) {
        return openssl_error(Errc::internal, "add revoked certificate");
    }
    static_cast<void>(entry.release());  // the list owns it now
    return {};
}

bool set_dates(X509_CRL* crl, const CrlOrder& order) {
    const TimePtr from(ASN1_TIME_new());
    const TimePtr to(ASN1_TIME_new());
    return from && to && set_time(from.get(), order.this_update) &&
           set_time(to.get(), order.next_update) &&
           X509_CRL_set1_lastUpdate(crl, from.get()) == 1 &&
           X509_CRL_set1_nextUpdate(crl, to.get()) == 1;
}

bool add_extensions(X509_CRL* crl, X509* issuer, std::int64_t number) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, nullptr, nullptr, crl, 0);
    const ExtensionPtr key(
        X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
    const IntegerPtr value(ASN1_INTEGER_new());
    return key && X509_CRL_add_ext(crl, key.get(), -1) == 1 && value &&
           ASN1_INTEGER_set_int64(value.get(), number) == 1 &&
           X509_CRL_add1_ext_i2d(crl, NID_crl_number, value.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

}  // namespace

Result<std::string> build_crl(const CrlOrder& order, X509* issuer, EVP_PKEY* issuer_key) {
    if (order.number < 0) return fail(Errc::invalid, "CRL number: must not be negative");
    const CrlPtr crl(X509_CRL_new());
    if (!crl || X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer)) != 1 ||
        !set_dates(crl.get(), order)) {
        return openssl_error(Errc::internal, "fill in CRL");
    }
    std::set<std::string> seen;
    for (const auto& revoked : order.revoked) {
        if (seen.insert(revoked.serial).second) TRY(add_entry(crl.get(), revoked));
    }
    X509_CRL_sort(crl.get());
    const auto bio = memory_bio();
    if (!add_extensions(crl.get(), issuer, order.number) ||
        X509_CRL_sign(crl.get(), issuer_key, EVP_sha256()) == 0 ||
        PEM_write_bio_X509_CRL(bio.get(), crl.get()) != 1) {
        return openssl_error(Errc::internal, "sign CRL");
    }
    return content(bio);
}

}  // namespace strandline::trust
