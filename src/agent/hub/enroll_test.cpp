#include "agent/hub/enroll.h"

#include <gtest/gtest.h>
#include <set>

#include "agent/hub/identity.h"
#include "agent/hub/messages.h"
#include "agent/test_world.h"
#include "base/json.h"
#include "trust/request_key.h"
#include "trust/token.h"

namespace strandline::agent {
namespace {

/// A hub that only enrols, over TLS with its own CA.
class Enrolment : public ::testing::Test {
protected:
    Enrolment() : runtime(test_runtime_options()), state(folder.path() / "agent") {
        ca =
            trust::CertificateAuthority::open_or_create(folder.path() / "ca", "hub", system_clock())
                .value();
        token = trust::Token::make(trust::join_token_kind, ca->certificate_sha256()).text();
    }

    void serve() {
        const std::vector<std::string> names{"localhost"};
        const auto issued = ca->issue_server("hub", names, std::chrono::days{1}).value();
        net::ServerOptions listen;
        net::ServerTls tls;
        tls.certificate_chain_pem = issued.issued.certificate_pem + ca->certificate_pem();
        tls.private_key_pem = issued.private_key_pem;
        listen.tls = std::move(tls);
        net::Router router;
        router.add_blocking(net::Method::post, "/v1/enroll",
                            [this](net::Request& request) { return answer(request); });
        server = net::HttpServer::create(runtime, std::move(router), std::move(listen)).value();
    }

    Result<net::Response> answer(const net::Request& request) {
        if (refusal) return *refusal;
        TRY(const auto body, parse_json(request.body, "request"));
        JsonReader in(body, "request");
        EXPECT_EQ(in.text("token"), token);
        const auto csr = in.text("csr");
        keys_asked_for.insert(trust::key_of_request(csr).value().hex());
        TRY(const auto issued, ca->sign_request(csr, certified, std::chrono::hours{24}));
        TRY(const auto keyset, parse_json(keys.keyset(), "keyset"));
        boost::json::object out{{"device", "d-7"},
                                {"certificate", issued.certificate_pem},
                                {"ca", ca->certificate_pem()},
                                {"keyset", keyset},
                                {"mqtt", {{"host", "127.0.0.1"}, {"port", 1}, {"root", "r"}}},
                                {"hub", "https://hub"}};
        return net::json_response(201, write_json(out));
    }

    Result<std::string> enroll_now(const std::string& with) {
        EnrollOptions options;
        options.hub_url = "https://127.0.0.1:" + std::to_string(server->port());
        options.token = with;
        return runtime.block_on(enroll(runtime, state, std::move(options)));
    }

    TempFolder folder;
    net::Runtime runtime;
    StateFolder state;
    HubKeys keys;
    std::unique_ptr<trust::CertificateAuthority> ca;
    std::unique_ptr<net::HttpServer> server;
    std::string token;
    std::string certified = "d-7";
    std::optional<Error> refusal;
    std::set<std::string> keys_asked_for;
};

TEST_F(Enrolment, StoresAnIdentityOnceAndRefusesASecondOne) {
    serve();
    const auto device = enroll_now(token);
    ASSERT_TRUE(device) << device.error().message;
    EXPECT_EQ(*device, "d-7");
    const auto identity = load_identity(state.identity());
    ASSERT_TRUE(identity) << identity.error().message;
    EXPECT_EQ(identity->address.hub, "https://hub");
    EXPECT_EQ(identity->keys.manifest.at(0), keys.manifest.public_key());
    const auto mode = std::filesystem::status(state.identity() / "key.pem").permissions();
    EXPECT_EQ(mode & (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
              std::filesystem::perms::none);
    const auto again = enroll_now(token);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Errc::conflict);
}

TEST_F(Enrolment, TrustsOnlyTheHubOfItsToken) {
    serve();
    const auto other =
        trust::CertificateAuthority::open_or_create(folder.path() / "other", "x", system_clock())
            .value();
    const auto device =
        enroll_now(trust::Token::make(trust::join_token_kind, other->certificate_sha256()).text());
    ASSERT_FALSE(device);
    EXPECT_EQ(device.error().code, Errc::unauthenticated) << device.error().message;
    EXPECT_FALSE(is_enrolled(state.identity()));
}

TEST_F(Enrolment, LeavesNothingBehindWhenTheHubRefusesOrMisleads) {
    serve();
    refusal = fail(Errc::unauthenticated, "the token was used already");
    auto device = enroll_now(token);
    ASSERT_FALSE(device);
    EXPECT_NE(device.error().message.find("used already"), std::string::npos)
        << device.error().message;
    refusal.reset();
    certified = "d-8";
    device = enroll_now(token);
    ASSERT_FALSE(device);
    EXPECT_EQ(device.error().code, Errc::corrupt);
    EXPECT_FALSE(is_enrolled(state.identity()));
    EXPECT_FALSE(enroll_now("nonsense"));
}

TEST_F(Enrolment, AsksAgainWithTheSameKeyWhenTheAnswerWasLost) {
    serve();
    certified = "d-8";  // an answer that cannot be stored
    EXPECT_FALSE(enroll_now(token));
    certified = "d-7";
    ASSERT_TRUE(enroll_now(token));
    EXPECT_EQ(keys_asked_for.size(), 1U);
    std::filesystem::remove_all(state.identity());
    ASSERT_TRUE(enroll_now(token));
    EXPECT_EQ(keys_asked_for.size(), 2U) << "a new identity has a new key";
}

}  // namespace
}  // namespace strandline::agent
