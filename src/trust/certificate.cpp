#include "trust/certificate.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <fmt/core.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/random.h"
#include "base/utf8.h"
#include "trust/subject_names.h"

namespace strandline::trust {
namespace {

constexpr std::size_t max_common_name = 64;  // ub-common-name, RFC 5280 appendix A
constexpr int min_rsa_bits = 2048;
constexpr int max_rsa_bits = 8192;  // verifying a larger one is a cheap way to keep us busy

using BigNumberPtr = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, FreeWith<ASN1_INTEGER_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;

struct ExtensionText {
    int nid;
    const char* value;
};

// keyEncipherment is left out: with ECDHE and TLS 1.3 the key only signs.
constexpr std::array authority_extensions{
    ExtensionText{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    ExtensionText{NID_key_usage, "critical,keyCertSign,cRLSign"},
    ExtensionText{NID_subject_key_identifier, "hash"},
};
constexpr std::array server_extensions{
    ExtensionText{NID_basic_constraints, "critical,CA:FALSE"},
    ExtensionText{NID_key_usage, "critical,digitalSignature"},
    ExtensionText{NID_ext_key_usage, "serverAuth,clientAuth"},
    ExtensionText{NID_subject_key_identifier, "hash"},
    ExtensionText{NID_authority_key_identifier, "keyid:always"},
};
constexpr std::array client_extensions{
    ExtensionText{NID_basic_constraints, "critical,CA:FALSE"},
    ExtensionText{NID_key_usage, "critical,digitalSignature"},
    ExtensionText{NID_ext_key_usage, "clientAuth"},
    ExtensionText{NID_subject_key_identifier, "hash"},
    ExtensionText{NID_authority_key_identifier, "keyid:always"},
};

std::span<const ExtensionText> extensions_for(Usage usage) {
    switch (usage) {
        case Usage::authority:
            return authority_extensions;
        case Usage::server_and_client:
            return server_extensions;
        case Usage::client:
            return client_extensions;
    }
    return client_extensions;
}

Status add_extensions(X509* certificate, const X509* issuer, Usage usage) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, const_cast<X509*>(issuer), certificate, nullptr, nullptr, 0);
    for (const auto& text : extensions_for(usage)) {
        const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, text.nid, text.value));
        if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) {
            return openssl_error(Errc::internal, "add certificate extension");
        }
    }
    return {};
}

// 128 random bits, the first byte not zero, so that the text always has 32 characters.
bool set_serial(X509* certificate) {
    std::array<std::byte, 16> bytes{};
    while (bytes[0] == std::byte{0}) system_random().fill(bytes);
    const BigNumberPtr number(
        BN_bin2bn(raw(ByteSpan(bytes)), static_cast<int>(bytes.size()), nullptr));
    return number &&
           BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

}  // namespace

Result<KeyPtr> make_p256_key() {
    KeyPtr key(EVP_EC_gen("P-256"));
    if (!key) return openssl_error(Errc::internal, "make P-256 key");
    return key;
}

Status check_public_key(const EVP_PKEY* key) {
    switch (EVP_PKEY_get_base_id(key)) {
        case EVP_PKEY_ED25519:
            return {};
        case EVP_PKEY_EC: {
            std::array<char, 64> group{};
            std::size_t size = 0;
            if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
                std::string_view(group.data(), size) == SN_X9_62_prime256v1) {
                return {};
            }
            break;
        }
        case EVP_PKEY_RSA:
            if (EVP_PKEY_get_bits(key) >= min_rsa_bits && EVP_PKEY_get_bits(key) <= max_rsa_bits)
                return {};
            break;
        default:
            break;
    }
    ERR_clear_error();
    return fail(Errc::invalid, "public key: use P-256, Ed25519 or RSA of 2048 to 8192 bits");
}

const EVP_MD* digest_for(const EVP_PKEY* key) {
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
}

Status add_common_name(X509_NAME* name, std::string_view common_name) {
    const bool clean = std::none_of(common_name.begin(), common_name.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    if (common_name.empty() || common_name.size() > max_common_name || !clean ||
        !is_utf8(common_name)) {
        return fail(Errc::invalid,
                    fmt::format("common name: use 1 to {} bytes without control characters",
                                max_common_name));
    }
    if (X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.data()),
                                   static_cast<int>(common_name.size()), -1, 0) != 1) {
        return openssl_error(Errc::invalid, "common name");
    }
    return {};
}

Result<CertificatePtr> build_certificate(const CertificateOrder& order, EVP_PKEY* subject_key,
                                         const X509* issuer, EVP_PKEY* issuer_key) {
    CertificatePtr certificate(X509_new());
    X509* const raw_certificate = certificate.get();
    STRANDLINE_ASSERT(raw_certificate != nullptr);
    TRY(add_common_name(X509_get_subject_name(raw_certificate), order.common_name));
    const X509* const signer = issuer == nullptr ? raw_certificate : issuer;
    const bool filled = X509_set_version(raw_certificate, X509_VERSION_3) == 1 &&
                        set_serial(raw_certificate) &&
                        set_time(X509_getm_notBefore(raw_certificate), order.not_before) &&
                        set_time(X509_getm_notAfter(raw_certificate), order.not_after) &&
                        X509_set_issuer_name(raw_certificate, X509_get_subject_name(signer)) == 1 &&
                        X509_set_pubkey(raw_certificate, subject_key) == 1;
    if (!filled) return openssl_error(Errc::internal, "fill in certificate");
    TRY(add_extensions(raw_certificate, signer, order.usage));
    if (!order.names.empty()) TRY(add_subject_names(raw_certificate, order.names));
    if (X509_sign(raw_certificate, issuer_key, digest_for(issuer_key)) == 0) {
        return openssl_error(Errc::internal, "sign certificate");
    }
    return certificate;
}

Result<CertificatePtr> certificate_from_pem(std::string_view pem) {
    if (pem.empty() || pem.size() > max_pem_bytes) {
        return fail(Errc::invalid,
                    fmt::format("certificate: PEM of 1 to {} bytes is expected", max_pem_bytes));
    }
    const auto bio = read_bio(pem);
    CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) return openssl_error(Errc::invalid, "certificate: not a PEM certificate");
    return certificate;
}

std::string certificate_to_pem(const X509* certificate) {
    const auto bio = memory_bio();
    STRANDLINE_ASSERT(PEM_write_bio_X509(bio.get(), const_cast<X509*>(certificate)) == 1);
    return content(bio);
}

std::string serial_of(const ASN1_INTEGER* serial) {
    const BigNumberPtr number(ASN1_INTEGER_to_BN(serial, nullptr));
    STRANDLINE_ASSERT(number != nullptr);
    Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number.get())));
    BN_bn2bin(number.get(), raw(std::span<std::byte>(bytes)));
    return to_hex(bytes);
}

WallTime time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return WallTime{};
    return WallTime{std::chrono::seconds{::timegm(&parts)}};
}

bool set_time(ASN1_TIME* out, WallTime time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
    return ASN1_TIME_set(out, static_cast<std::time_t>(seconds)) != nullptr;
}

}  // namespace strandline::trust
