#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/free_with.h"
#include "net/http_test_kit.h"

namespace strandline::net {
namespace {

using testing::IdentityOptions;
using testing::make_identity;
using testing::TestIdentity;
using testing::TestServer;

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using Saved = std::unique_ptr<SSL_SESSION, FreeWith<SSL_SESSION_free>>;

TestIdentity make_ca() {
    IdentityOptions options;
    options.common_name = "test ca";
    options.ca = true;
    return make_identity(options);
}

TestIdentity make_device(const TestIdentity& ca) {
    IdentityOptions options;
    options.common_name = "cam-7";
    return make_identity(options, &ca);
}

asio::awaitable<Result<Response>> who(Request& request) {
    co_return text_response(200, request.peer.common_name.value_or("nobody"));
}

/// What one connection of a client came to.
struct Visit {
    bool connected = false;
    bool resumed = false;
    std::string answer;  ///< empty when the server ended the connection
};

/// A client that offers the session of its last connection, as ours does not.
class ResumingClient {
public:
    explicit ResumingClient(int version) : context_(SSL_CTX_new(TLS_client_method())) {
        SSL_CTX_set_min_proto_version(context_.get(), version);
        SSL_CTX_set_max_proto_version(context_.get(), version);
    }

    void use(const TestIdentity& identity) {
        const auto text = [](const std::string& pem) {
            return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
        };
        const Certificate certificate(
            PEM_read_bio_X509(text(identity.certificate_pem).get(), nullptr, nullptr, nullptr));
        const Key key(
            PEM_read_bio_PrivateKey(text(identity.key_pem).get(), nullptr, nullptr, nullptr));
        SSL_CTX_use_certificate(context_.get(), certificate.get());
        SSL_CTX_use_PrivateKey(context_.get(), key.get());
    }

    Visit visit(std::uint16_t port) {
        const Bio bio(BIO_new_ssl_connect(context_.get()));
        BIO_set_conn_hostname(bio.get(), ("127.0.0.1:" + std::to_string(port)).c_str());
        SSL* ssl = nullptr;
        BIO_get_ssl(bio.get(), &ssl);
        if (session_) SSL_set_session(ssl, session_.get());
        Visit visit;
        visit.connected = BIO_do_connect(bio.get()) == 1;
        if (!visit.connected) return visit;
        visit.resumed = SSL_session_reused(ssl) == 1;
        constexpr std::string_view request =
            "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        BIO_write(bio.get(), request.data(), static_cast<int>(request.size()));
        const auto text = read_to_end(bio.get());
        const auto end = text.find("\r\n\r\n");
        if (end != std::string::npos) visit.answer = text.substr(end + 4);
        session_.reset(SSL_get1_session(ssl));
        return visit;
    }

private:
    static std::string read_to_end(BIO* bio) {
        std::array<char, 4096> piece{};
        std::string text;
        for (int got = 1; got > 0;) {
            got = BIO_read(bio, piece.data(), static_cast<int>(piece.size()));
            if (got > 0) text.append(piece.data(), static_cast<std::size_t>(got));
        }
        return text;
    }

    Context context_;
    Saved session_;
};

class TlsResumption : public ::testing::TestWithParam<int> {
protected:
    TlsResumption() {
        Router router;
        router.add(Method::get, "/who", who);
        ServerOptions options;
        options.tls = server_tls(identity_);
        server_ = std::make_unique<TestServer>(std::move(router), std::move(options));
    }

    ServerTls server_tls(const TestIdentity& identity) {
        ServerTls tls;
        tls.certificate_chain_pem = identity.certificate_pem + ca_.certificate_pem;
        tls.private_key_pem = identity.key_pem;
        tls.client_ca_pem = ca_.certificate_pem;
        tls.accept_client = [this](const std::string&, const std::string&) {
            return accepted_.load();
        };
        return tls;
    }
    Visit visit() { return client_.visit(server_->port()); }

    TestIdentity ca_ = make_ca();
    TestIdentity identity_ = make_identity({}, &ca_);
    std::atomic<bool> accepted_{true};
    std::unique_ptr<TestServer> server_;
    ResumingClient client_{GetParam()};
};

TEST_P(TlsResumption, IsOfferedAndKeepsTheClientsName) {
    client_.use(make_device(ca_));
    const auto first = visit();
    EXPECT_FALSE(first.resumed);
    EXPECT_EQ(first.answer, "cam-7");
    const auto second = visit();
    EXPECT_TRUE(second.resumed);
    EXPECT_EQ(second.answer, "cam-7");
}

TEST_P(TlsResumption, GivesNoNameToAClientWithoutCertificate) {
    EXPECT_EQ(visit().answer, "nobody");
    const auto second = visit();
    EXPECT_TRUE(second.resumed);
    EXPECT_EQ(second.answer, "nobody");
}

TEST_P(TlsResumption, DoesNotOutliveTheClientsRight) {
    client_.use(make_device(ca_));
    ASSERT_EQ(visit().answer, "cam-7");
    accepted_ = false;
    EXPECT_EQ(visit().answer, "");
}

TEST_P(TlsResumption, EndsWithTheServersCertificate) {
    client_.use(make_device(ca_));
    ASSERT_EQ(visit().answer, "cam-7");
    const auto fresh = make_identity({}, &ca_);
    server_->on_io_thread(
        [&](HttpServer& server) { ASSERT_TRUE(server.replace_tls(server_tls(fresh))); });
    const auto second = visit();
    EXPECT_FALSE(second.resumed);
    EXPECT_EQ(second.answer, "cam-7");
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsResumption, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& row) {
                             return row.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace strandline::net
