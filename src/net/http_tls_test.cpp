#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "net/http_test_kit.h"

namespace strandline::net {
namespace {

using testing::fetch;
using ::testing::HasSubstr;
using testing::IdentityOptions;
using testing::make_identity;
using testing::TestIdentity;
using testing::TestServer;

asio::awaitable<Result<Response>> who(Request& request) {
    co_return text_response(200, request.peer.common_name.value_or("nobody") + " " +
                                     request.peer.certificate_serial.value_or("-"));
}

class HttpTls : public ::testing::Test {
protected:
    static TestIdentity issue(const TestIdentity& ca, std::string common_name,
                              std::string names = "DNS:localhost,IP:127.0.0.1") {
        IdentityOptions options;
        options.common_name = std::move(common_name);
        options.alternative_names = std::move(names);
        return make_identity(options, &ca);
    }
    static TestIdentity make_ca(std::string name) {
        IdentityOptions options;
        options.common_name = std::move(name);
        options.ca = true;
        return make_identity(options);
    }
    static ServerTls server_tls(const TestIdentity& identity, const TestIdentity& ca) {
        ServerTls tls;
        tls.certificate_chain_pem = identity.certificate_pem + ca.certificate_pem;
        tls.private_key_pem = identity.key_pem;
        tls.client_ca_pem = ca.certificate_pem;
        return tls;
    }

    void start(ServerTls tls) {
        Router router;
        router.add(Method::get, "/who", who);
        ServerOptions options;
        options.tls = std::move(tls);
        options.handshake_timeout = std::chrono::milliseconds{500};
        server_ = std::make_unique<TestServer>(std::move(router), std::move(options));
    }

    /// A server of this identity, and what a client needs to trust it.
    ClientTls start_and_trust(const testing::TestIdentity& identity) {
        ServerTls server;
        server.certificate_chain_pem = identity.certificate_pem;
        server.private_key_pem = identity.key_pem;
        start(std::move(server));
        ClientTls tls;
        tls.ca_pem = identity.certificate_pem;
        return tls;
    }

    Result<ClientResponse> ask(ClientTls tls) {
        ClientRequest request;
        request.url = server_->url("/who");
        request.deadline = Deadline::after(std::chrono::seconds{10});
        ClientOptions options;
        options.tls = std::move(tls);
        return fetch(std::move(request), std::move(options));
    }

    ClientTls trusting() const {
        ClientTls tls;
        tls.ca_pem = ca_.certificate_pem;
        return tls;
    }
    ClientTls with_certificate(const TestIdentity& identity) const {
        auto tls = trusting();
        tls.certificate_pem = identity.certificate_pem;
        tls.private_key_pem = identity.key_pem;
        return tls;
    }

    TestIdentity ca_ = make_ca("test ca");
    TestIdentity identity_ = issue(ca_, "hub");
    std::unique_ptr<TestServer> server_;
};

TEST_F(HttpTls, ServesAClientWithoutCertificate) {
    start(server_tls(identity_, ca_));
    const auto response = ask(trusting());
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "nobody -");
}

TEST_F(HttpTls, TellsTheClientsNameAndSerial) {
    start(server_tls(identity_, ca_));
    const auto response = ask(with_certificate(issue(ca_, "cam-7")));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_THAT(response->body, ::testing::MatchesRegex("cam-7 0a[0-9a-f][0-9a-f]"));
}

TEST_F(HttpTls, RefusesAClientOfAnotherCa) {
    start(server_tls(identity_, ca_));
    const auto response = ask(with_certificate(issue(make_ca("other ca"), "cam-7")));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::unauthenticated) << response.error().message;
}

TEST_F(HttpTls, RefusesAClientThatIsNotAccepted) {
    auto tls = server_tls(identity_, ca_);
    tls.accept_client = [](const std::string& name, const std::string&) { return name != "cam-7"; };
    start(std::move(tls));
    EXPECT_FALSE(ask(with_certificate(issue(ca_, "cam-7"))));
    EXPECT_TRUE(ask(with_certificate(issue(ca_, "cam-8"))));
}

struct TrustCase {
    std::string_view name;
    bool right_ca;
    std::string_view names;
    long valid_until_s;
    bool good;
    std::string_view message;
};

class HttpTlsTrust : public HttpTls, public ::testing::WithParamInterface<TrustCase> {};

TEST_P(HttpTlsTrust, OfTheServer) {
    const auto& row = GetParam();
    IdentityOptions options;
    options.common_name = "hub";
    options.alternative_names = row.names;
    options.valid_from = std::chrono::seconds{-7200};
    options.valid_until = std::chrono::seconds{row.valid_until_s};
    start(server_tls(make_identity(options, &ca_), ca_));
    auto tls = trusting();
    if (!row.right_ca) tls.ca_pem = make_ca("other ca").certificate_pem;
    const auto response = ask(tls);
    ASSERT_EQ(response.has_value(), row.good);
    if (response) return;
    EXPECT_EQ(response.error().code, Errc::unauthenticated);
    EXPECT_THAT(response.error().message, HasSubstr(std::string(row.message)));
}

INSTANTIATE_TEST_SUITE_P(
    Certificates, HttpTlsTrust,
    ::testing::Values(TrustCase{"Good", true, "IP:127.0.0.1", 3600, true, ""},
                      TrustCase{"OtherCa", false, "IP:127.0.0.1", 3600, false, "certificate"},
                      TrustCase{"OtherAddress", true, "IP:127.0.0.2", 3600, false, "IP address"},
                      TrustCase{"NameIsNotAddress", true, "DNS:127.0.0.1", 3600, false,
                                "IP address"},
                      TrustCase{"Expired", true, "IP:127.0.0.1", -3600, false, "expired"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(HttpTls, JudgesDatesAtTheGivenTime) {
    IdentityOptions options;
    options.valid_from = std::chrono::hours{-48};
    options.valid_until = std::chrono::hours{-24};
    const auto old = make_identity(options);
    auto tls = start_and_trust(old);
    EXPECT_FALSE(ask(tls));
    const auto then = system_clock().wall() - std::chrono::hours{36};
    tls.verify_time = [then]() -> std::optional<WallTime> { return then; };
    const auto response = ask(tls);
    EXPECT_TRUE(response) << response.error().message;
}

TEST_F(HttpTls, TakesTheGivenTimeForALowerBoundOfTheRealOne) {
    IdentityOptions options;
    options.valid_from = std::chrono::hours{24};
    options.valid_until = std::chrono::hours{48};
    const auto young = make_identity(options);
    auto tls = start_and_trust(young);
    const auto by_the_clock = ask(tls);
    ASSERT_FALSE(by_the_clock);
    EXPECT_THAT(by_the_clock.error().message, HasSubstr("not yet valid"));
    auto judged_at = system_clock().wall();
    tls.verify_time = [&judged_at]() -> std::optional<WallTime> { return judged_at; };
    const auto response = ask(tls);
    EXPECT_TRUE(response) << response.error().message;
    judged_at += std::chrono::hours{72};
    EXPECT_FALSE(ask(tls)) << "it has ended by then";
    judged_at = system_clock().wall();
    tls.ca_pem = ca_.certificate_pem;
    EXPECT_FALSE(ask(tls)) << "nobody vouches for it";
}

TEST_F(HttpTls, TrustsAPinnedCaOnly) {
    // No name matches, as at the first contact of an enrolment.
    start(server_tls(issue(ca_, "hub", "DNS:elsewhere"), ca_));
    ClientTls tls;
    tls.ca_sha256 = ca_.sha256;
    const auto response = ask(tls);
    EXPECT_TRUE(response) << response.error().message;
    tls.ca_sha256 = make_ca("other ca").sha256;
    const auto refused = ask(tls);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unauthenticated);
}

TEST_F(HttpTls, DoesNotTrustAPinnedCaThatDidNotSign) {
    // Anyone can put the hub's public CA certificate behind a certificate of their own.
    const auto other = make_ca("test ca");
    auto tls = server_tls(issue(other, "hub"), ca_);
    start(std::move(tls));
    ClientTls client;
    client.ca_sha256 = ca_.sha256;
    const auto refused = ask(client);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unauthenticated);
}

TEST_F(HttpTls, DoesNotTrustAPinnedCertificateThatIsNoCa) {
    start(server_tls(identity_, ca_));
    ClientTls client;
    client.ca_sha256 = identity_.sha256;
    EXPECT_FALSE(ask(client));
}

TEST_F(HttpTls, UsesReplacedCertificatesForNewConnections) {
    start(server_tls(identity_, ca_));
    ASSERT_TRUE(ask(trusting()));
    const auto next_ca = make_ca("next ca");
    Status replaced;
    server_->on_io_thread([&](HttpServer& server) {
        replaced = server.replace_tls(server_tls(issue(next_ca, "hub"), next_ca));
    });
    ASSERT_TRUE(replaced) << replaced.error().message;
    EXPECT_FALSE(ask(trusting()));
    ClientTls tls;
    tls.ca_pem = next_ca.certificate_pem;
    EXPECT_TRUE(ask(tls));
}

TEST_F(HttpTls, RefusesAKeyOfAnotherCertificate) {
    ServerTls tls;
    tls.certificate_chain_pem = identity_.certificate_pem;
    tls.private_key_pem = ca_.key_pem;
    Runtime runtime({});
    ServerOptions options;
    options.tls = tls;
    const auto server = HttpServer::create(runtime, Router(), options);
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, Errc::invalid);
}

TEST_F(HttpTls, ClosesAHandshakeThatHangs) {
    start(server_tls(identity_, ca_));
    testing::RawClient client(server_->port());
    EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpTls, ClosesAPlainRequest) {
    start(server_tls(identity_, ca_));
    testing::RawClient client(server_->port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(testing::status_of(client.read_to_end()), 0);
}

}  // namespace
}  // namespace strandline::net
