#include "net/tls_session.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "base/free_with.h"

namespace strandline::net {
namespace {

/// What the BIO works on.
struct Wire {
    int socket = -1;
    bool more = false;     ///< the rest of a packet follows soon
    bool drained = false;  ///< the last receive took all there was
};

Wire& wire_of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

// OpenSSL's own socket BIO uses write(2), which raises SIGPIPE; this one never does.
int bio_write(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
    BIO_clear_retry_flags(bio);
    const auto& wire = wire_of(bio);
    const auto sent = ::send(wire.socket, data, size, MSG_NOSIGNAL | (wire.more ? MSG_MORE : 0));
    if (sent < 0) {
        if (errno == EAGAIN || errno == EINTR) BIO_set_retry_write(bio);
        return 0;
    }
    *written = static_cast<std::size_t>(sent);
    return 1;
}

int bio_read(BIO* bio, char* data, std::size_t size, std::size_t* read) {
    BIO_clear_retry_flags(bio);
    auto& wire = wire_of(bio);
    const auto got = ::recv(wire.socket, data, size, 0);
    wire.drained = got > 0 && static_cast<std::size_t>(got) < size;
    if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
    if (got <= 0) return 0;
    *read = static_cast<std::size_t>(got);
    return 1;
}

long bio_control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
    if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/// SSL_get_error() looks at the thread's queue of errors, which must be empty before each call.
void forget_errors() {
    // Asking costs far less than clearing.
    if (ERR_peek_error() != 0) ERR_clear_error();
}

BIO_METHOD* socket_method() {
    static const std::unique_ptr<BIO_METHOD, FreeWith<BIO_meth_free>> method = [] {
        std::unique_ptr<BIO_METHOD, FreeWith<BIO_meth_free>> made(
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE"));
        BIO_meth_set_write_ex(made.get(), bio_write);
        BIO_meth_set_read_ex(made.get(), bio_read);
        BIO_meth_set_ctrl(made.get(), bio_control);
        return made;
    }();
    return method.get();
}

Status prepare_client(SSL* ssl, const TlsRole& role) {
    if (!is_ip_literal(role.host)) SSL_set_tlsext_host_name(ssl, role.host.c_str());
    X509_VERIFY_PARAM& param = *SSL_get0_param(ssl);
    if (role.check_host) return expect_peer(param, role.host, role.verify_time);
    judge_at(param, role.verify_time);
    return {};
}

/// Alerts by which the other side says that it does not accept our certificate (RFC 8446 6.2).
bool is_certificate_alert(unsigned long code) {
    switch (ERR_GET_REASON(code)) {
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return true;
        default:
            return false;
    }
}

}  // namespace

struct TlsSession::Impl {
    Result<TlsStep> judge(int result, std::string_view what);

    SslContext context;
    Wire wire;
    std::unique_ptr<SSL, FreeWith<SSL_free>> ssl;  // its BIO uses `wire`
    bool established = false;
};

Result<TlsStep> TlsSession::Impl::judge(int result, std::string_view what) {
    const int saved_errno = errno;
    switch (SSL_get_error(ssl.get(), result)) {
        case SSL_ERROR_NONE:
        case SSL_ERROR_ZERO_RETURN:
            return TlsStep::done;
        case SSL_ERROR_WANT_READ:
            return TlsStep::want_read;
        case SSL_ERROR_WANT_WRITE:
            return TlsStep::want_write;
        case SSL_ERROR_SYSCALL:
            ERR_clear_error();
            return fail(Errc::unavailable, fmt::format("{}: {}", what,
                                                       saved_errno != 0 ? std::strerror(saved_errno)
                                                                        : "connection was cut"));
        default:
            break;
    }
    const auto code = ERR_peek_error();
    const long verdict = SSL_get_verify_result(ssl.get());
    if (!established && verdict != X509_V_OK) {
        ERR_clear_error();
        return fail(Errc::unauthenticated,
                    fmt::format("{}: certificate of the other side refused: {}", what,
                                X509_verify_cert_error_string(verdict)));
    }
    const bool refused = is_certificate_alert(code);
    return fail(refused ? Errc::unauthenticated : Errc::unavailable,
                fmt::format("{}: {}", what, take_ssl_error()));
}

Result<std::unique_ptr<TlsSession>> TlsSession::create(const TlsRole& role, int socket) {
    ERR_clear_error();
    auto impl = std::make_unique<Impl>();
    impl->context = role.context;
    impl->ssl.reset(SSL_new(role.context.get()));
    BIO* const bio = BIO_new(socket_method());
    if (!impl->ssl || bio == nullptr) {
        BIO_free(bio);
        return fail(Errc::internal, "TLS session: " + take_ssl_error());
    }
    impl->wire.socket = socket;
    BIO_set_data(bio, &impl->wire);
    BIO_set_init(bio, 1);
    SSL_set_bio(impl->ssl.get(), bio, bio);
    if (role.server) {
        SSL_set_accept_state(impl->ssl.get());
    } else {
        SSL_set_connect_state(impl->ssl.get());
        TRY(prepare_client(impl->ssl.get(), role));
    }
    return std::unique_ptr<TlsSession>(new TlsSession(std::move(impl)));
}

TlsSession::TlsSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsSession::~TlsSession() = default;

Result<TlsStep> TlsSession::handshake() {
    forget_errors();
    const int result = SSL_do_handshake(impl_->ssl.get());
    auto step = impl_->judge(result, "TLS handshake");
    if (step && *step == TlsStep::done) {
        if (result != 1) return fail(Errc::unavailable, "TLS handshake: the other side closed");
        impl_->established = true;
    }
    return step;
}

Result<TlsStep> TlsSession::read(std::span<std::byte> out, std::size_t& size) {
    forget_errors();
    errno = 0;
    size = 0;
    const int result = SSL_read_ex(impl_->ssl.get(), out.data(), out.size(), &size);
    return impl_->judge(result, "TLS connection");
}

Result<TlsStep> TlsSession::write(ByteSpan bytes, std::size_t& size, bool more) {
    forget_errors();
    errno = 0;
    impl_->wire.more = more;
    const int result = SSL_write_ex(impl_->ssl.get(), bytes.data(), bytes.size(), &size);
    auto step = impl_->judge(result, "TLS connection");
    if (step && *step == TlsStep::done && result != 1) {
        return fail(Errc::unavailable, "TLS connection: the other side closed");
    }
    return step;
}

Result<TlsStep> TlsSession::peek() {
    forget_errors();
    errno = 0;
    char byte = 0;
    std::size_t size = 0;
    return impl_->judge(SSL_peek_ex(impl_->ssl.get(), &byte, 1, &size), "TLS connection");
}

bool TlsSession::closed() const {
    return (SSL_get_shutdown(impl_->ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

bool TlsSession::judged_late() const { return SSL_version(impl_->ssl.get()) >= TLS1_3_VERSION; }

bool TlsSession::drained() const {
    return impl_->wire.drained && SSL_has_pending(impl_->ssl.get()) == 0;
}

std::optional<PeerCertificate> TlsSession::peer_certificate() const {
    X509* const certificate = SSL_get0_peer_certificate(impl_->ssl.get());
    if (certificate == nullptr || SSL_get_verify_result(impl_->ssl.get()) != X509_V_OK) {
        return std::nullopt;
    }
    PeerCertificate peer;
    X509_NAME* const subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0) {
        unsigned char* text = nullptr;
        const auto* const entry = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        const int size = ASN1_STRING_to_UTF8(&text, entry);
        if (size > 0) peer.common_name.assign(reinterpret_cast<char*>(text), size);
        OPENSSL_free(text);
    }
    const ASN1_INTEGER* const serial = X509_get0_serialNumber(certificate);
    BIGNUM* const number = ASN1_INTEGER_to_BN(serial, nullptr);
    Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number)));
    BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
    BN_free(number);
    peer.serial = to_hex(bytes);
    // A resumed session is not verified again, so its dates have to be looked at here.
    peer.expired = X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0;
    return peer;
}

void TlsSession::shut_down() {
    if (!impl_->established) return;
    impl_->wire.more = false;
    forget_errors();
    SSL_shutdown(impl_->ssl.get());
    forget_errors();
}

}  // namespace strandline::net
