#include "hub/api/auth.h"

#include <gtest/gtest.h>

#include "hub/test_domain.h"

namespace strandline::hub {
namespace {

class AuthTest : public testing::Test {
protected:
    TestDomain test;
    Authenticator authenticator{test.domain->operator_tokens, test.domain->devices};

    Credentials person(fleet::Role role) {
        fleet::OperatorTokenRequest request;
        request.name = "p";
        request.role = role;
        Credentials out;
        out.bearer =
            test.domain->operator_tokens.create(request, std::string(64, 'a')).value().text;
        return out;
    }
    Credentials device(const std::string& id) {
        test.enrol(id);
        Credentials out;
        out.common_name = id;
        out.serial = test.domain->devices.get(id).value().certificate_serial;
        return out;
    }
    Errc refusal(const Credentials& credentials, Access access) {
        const auto caller = authenticator.authorize(credentials, access);
        return caller ? Errc::internal : caller.error().code;
    }
};

TEST_F(AuthTest, RolesReachAsFarAsTheyShould) {
    const auto as_viewer = person(fleet::Role::viewer);
    const auto as_operator = person(fleet::Role::operator_);
    const auto as_admin = person(fleet::Role::admin);
    for (const auto access : {Access::viewer, Access::device_or_viewer, Access::open}) {
        EXPECT_TRUE(authenticator.authorize(as_viewer, access));
    }
    EXPECT_EQ(refusal(as_viewer, Access::operators), Errc::forbidden);
    EXPECT_TRUE(authenticator.authorize(as_operator, Access::operators));
    EXPECT_EQ(refusal(as_operator, Access::admin), Errc::forbidden);
    EXPECT_TRUE(authenticator.authorize(as_admin, Access::admin));
    EXPECT_EQ(refusal(as_admin, Access::device), Errc::forbidden);
}

TEST_F(AuthTest, DevicesUseOnlyTheirOwnRoutes) {
    const auto camera = device("cam");
    EXPECT_EQ(authenticator.authorize(camera, Access::device)->actor(), "device:cam");
    EXPECT_TRUE(authenticator.authorize(camera, Access::device_or_viewer));
    EXPECT_EQ(refusal(camera, Access::viewer), Errc::forbidden);
    auto forged = camera;
    forged.serial = "00";
    EXPECT_EQ(refusal(forged, Access::device), Errc::unauthenticated);
}

TEST_F(AuthTest, NothingAndNonsenseAreUnauthenticated) {
    EXPECT_EQ(refusal({}, Access::viewer), Errc::unauthenticated);
    Credentials wrong;
    wrong.bearer = "slo1.x.y.z";
    EXPECT_EQ(refusal(wrong, Access::viewer), Errc::unauthenticated);
}

TEST(Credentials, BearerSchemeComparesWithoutCase) {
    net::Request request;
    request.headers.set("Authorization", "BEARER abc");
    EXPECT_EQ(Credentials::of(request).bearer, "abc");
    request.headers.set("Authorization", "Basic abc");
    EXPECT_FALSE(Credentials::of(request).bearer);
    request.headers.set("Authorization", "Bearer ");
    EXPECT_FALSE(Credentials::of(request).bearer);
}

}  // namespace
}  // namespace strandline::hub
