#include "net/tls_context.h"

#include <algorithm>
#include <arpa/inet.h>
#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/free_with.h"
#include "base/sha256.h"

namespace strandline::net {
namespace {

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using Store = std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>>;

Bio memory_bio(const std::string& text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Error ssl_failure(Errc code, std::string_view what) {
    return fail(code, fmt::format("{}: {}", what, take_ssl_error()));
}

Certificate next_certificate(BIO* bio) {
    return Certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
}

Status use_chain(SSL_CTX* context, const std::string& pem) {
    const auto bio = memory_bio(pem);
    const auto leaf = next_certificate(bio.get());
    if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
        return ssl_failure(Errc::invalid, "TLS certificate cannot be used");
    }
    for (auto extra = next_certificate(bio.get()); extra; extra = next_certificate(bio.get())) {
        if (SSL_CTX_add1_chain_cert(context, extra.get()) != 1) {
            return ssl_failure(Errc::invalid, "TLS certificate chain cannot be used");
        }
    }
    ERR_clear_error();  // the end of the PEM text counts as an error there
    return {};
}

Status use_key(SSL_CTX* context, const std::string& pem) {
    const auto bio = memory_bio(pem);
    const PrivateKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
        return ssl_failure(Errc::invalid, "TLS private key cannot be used");
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        return ssl_failure(Errc::invalid, "TLS private key does not belong to the certificate");
    }
    return {};
}

Status use_identity(SSL_CTX* context, const ClientTls& tls) {
    if (tls.certificate_pem.empty()) return {};
    TRY(use_chain(context, tls.certificate_pem));
    return use_key(context, tls.private_key_pem);
}

/// Adds every certificate of `pem` as a trust anchor, and names it to clients when asked.
Status trust_authorities(SSL_CTX* context, const std::string& pem, bool announce) {
    const auto bio = memory_bio(pem);
    int added = 0;
    for (auto ca = next_certificate(bio.get()); ca; ca = next_certificate(bio.get()), ++added) {
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get()) != 1) {
            return ssl_failure(Errc::invalid, "TLS CA certificate cannot be used");
        }
        if (announce) SSL_CTX_add_client_CA(context, ca.get());
    }
    ERR_clear_error();
    if (added == 0) return fail(Errc::invalid, "the TLS CA text holds no PEM certificate");
    return {};
}

Result<SslContext> new_context(const SSL_METHOD* method) {
    SslContext context(SSL_CTX_new(method), SSL_CTX_free);
    if (!context) return ssl_failure(Errc::internal, "TLS context");
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    // Released buffers: an idle connection then costs a few KiB instead of 40. Reading ahead:
    // one system call a record instead of two.
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context.get(), 1);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    return context;
}

/// Accepts a certificate that begins later than the time given to judge at: that is a lower bound
/// of the real time, which proves nothing against it. All else is judged as ever, by OpenSSL.
int accept_not_yet_valid(int good, X509_STORE_CTX* check) {
    if (good == 1) return 1;
    const auto flags = X509_VERIFY_PARAM_get_flags(X509_STORE_CTX_get0_param(check));
    const bool time_is_given = (flags & X509_V_FLAG_USE_CHECK_TIME) != 0;
    if (!time_is_given || X509_STORE_CTX_get_error(check) != X509_V_ERR_CERT_NOT_YET_VALID)
        return 0;
    X509_STORE_CTX_set_error(check, X509_V_OK);
    return 1;
}

X509* find_pinned(STACK_OF(X509) * chain, const std::string& wanted) {
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        X509* const certificate = sk_X509_value(chain, i);
        unsigned char* der = nullptr;
        const int size = i2d_X509(certificate, &der);
        if (size <= 0) continue;
        const auto bytes = std::as_bytes(std::span(der, static_cast<std::size_t>(size)));
        const bool same = sha256(bytes).hex() == wanted;
        OPENSSL_free(der);
        if (same) return certificate;
    }
    return nullptr;
}

/// Judges a presented chain by one pinned CA that it must hold (X509_STORE_CTX_verify's contract:
/// 1 accepts, and the reason of a refusal is left in `presented`).
int verify_by_pin(X509_STORE_CTX* presented, void* pin) {
    STACK_OF(X509)* const chain = X509_STORE_CTX_get0_untrusted(presented);
    X509* const ca = find_pinned(chain, *static_cast<const std::string*>(pin));
    const auto refuse = [presented](int reason) {
        X509_STORE_CTX_set_error(presented, reason);
        return 0;
    };
    if (ca == nullptr) return refuse(X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
    if (X509_check_ca(ca) == 0) return refuse(X509_V_ERR_INVALID_CA);
    const Store store(X509_STORE_new());
    const StoreContext check(X509_STORE_CTX_new());
    X509* const leaf = X509_STORE_CTX_get0_cert(presented);
    if (!store || !check || X509_STORE_add_cert(store.get(), ca) != 1 ||
        X509_STORE_CTX_init(check.get(), store.get(), leaf, chain) != 1) {
        return refuse(X509_V_ERR_OUT_OF_MEM);
    }
    // Inherits the time to judge at; the pinned CA is an anchor even when it is not a root.
    X509_VERIFY_PARAM* const param = X509_STORE_CTX_get0_param(check.get());
    X509_VERIFY_PARAM_set1(param, X509_STORE_CTX_get0_param(presented));
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
    if (X509_verify_cert(check.get()) != 1) {
        return refuse(X509_STORE_CTX_get_error(check.get()));
    }
    return 1;
}

/// The context that owns the pin which its verification refers to.
SslContext pin_authority(SslContext context, std::string sha256_hex) {
    auto pin = std::make_shared<const std::string>(std::move(sha256_hex));
    SSL_CTX_set_cert_verify_callback(context.get(), verify_by_pin,
                                     const_cast<std::string*>(pin.get()));
    ssl_ctx_st* const raw = context.get();
    return SslContext(raw, [context = std::move(context), pin = std::move(pin)](ssl_ctx_st*) {});
}

}  // namespace

std::string take_ssl_error() {
    const auto code = ERR_get_error();
    ERR_clear_error();
    const char* const reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "unknown TLS error";
}

Result<SslContext> make_server_context(const ServerTls& tls) {
    TRY(auto context, new_context(TLS_server_method()));
    TRY(use_chain(context.get(), tls.certificate_chain_pem));
    TRY(use_key(context.get(), tls.private_key_pem));
    SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
    static constexpr unsigned char session_scope[] = "strandline";
    SSL_CTX_set_session_id_context(context.get(), session_scope, sizeof session_scope - 1);
    SSL_CTX_set_timeout(context.get(), 3600);
    if (!tls.client_ca_pem.empty()) {
        TRY(trust_authorities(context.get(), tls.client_ca_pem, true));
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    }
    return context;
}

Result<SslContext> make_client_context(const ClientTls& tls) {
    TRY(auto context, new_context(TLS_client_method()));
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    TRY(use_identity(context.get(), tls));
    if (!tls.ca_sha256.empty()) {
        TRY(const auto digest, Sha256Digest::from_hex(tls.ca_sha256));
        return pin_authority(std::move(context), digest.hex());
    }
    if (!tls.ca_pem.empty()) {
        // A CA of our own makes this safe; for the world's, dates are all that ends a certificate.
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, accept_not_yet_valid);
        TRY(trust_authorities(context.get(), tls.ca_pem, false));
    } else if (SSL_CTX_set_default_verify_paths(context.get()) != 1) {
        return ssl_failure(Errc::internal, "the system's TLS trust anchors cannot be read");
    }
    return context;
}

bool is_ip_literal(const std::string& host) {
    in6_addr scratch{};
    return ::inet_pton(AF_INET, host.c_str(), &scratch) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), &scratch) == 1;
}

void judge_at(X509_VERIFY_PARAM& param, std::optional<WallTime> verify_time) {
    if (!verify_time) {
        X509_VERIFY_PARAM_clear_flags(&param, X509_V_FLAG_USE_CHECK_TIME);
        return;
    }
    const auto seconds = std::chrono::floor<std::chrono::seconds>(*verify_time);
    X509_VERIFY_PARAM_set_time(&param, seconds.time_since_epoch().count());
}

Status expect_peer(X509_VERIFY_PARAM& param, const std::string& host,
                   std::optional<WallTime> verify_time) {
    judge_at(param, verify_time);
    X509_VERIFY_PARAM_set_hostflags(&param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const int set = is_ip_literal(host) ? X509_VERIFY_PARAM_set1_ip_asc(&param, host.c_str())
                                        : X509_VERIFY_PARAM_set1_host(&param, host.c_str(), 0);
    if (set != 1) return fail(Errc::invalid, host + " is not a host name");
    return {};
}

}  // namespace strandline::net
