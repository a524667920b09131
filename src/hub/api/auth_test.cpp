#include "hub/api/auth.h"

#include <gtest/gtest.h>

#include "hub/api/proven_identities.h"
#include "hub/test_domain.h"
#include "trust/token.h"

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

class ProvenTest : public AuthTest {
protected:
    ProvenIdentities proven{*test.database, test.clock};
    Authenticator remembering{test.domain->operator_tokens, test.domain->devices, &proven};

    std::string token_id(const Credentials& credentials) {
        return trust::Token::parse(*credentials.bearer, trust::operator_token_kind).value().id;
    }
};

TEST_F(ProvenTest, RecallsOnlyWhoWasProved) {
    const auto viewer = person(fleet::Role::viewer);
    EXPECT_FALSE(remembering.recall(viewer, Access::viewer));
    ASSERT_TRUE(remembering.authorize(viewer, Access::viewer));
    auto elsewhere = viewer;
    elsewhere.address = "10.0.0.9";
    const auto known = remembering.recall(elsewhere, Access::viewer);
    ASSERT_TRUE(known && *known);
    EXPECT_EQ((*known)->actor(), "p");
    EXPECT_EQ((*known)->address, "10.0.0.9");
    EXPECT_EQ(remembering.recall(viewer, Access::operators)->error().code, Errc::forbidden);
    EXPECT_FALSE(remembering.recall({}, Access::viewer));
    EXPECT_TRUE(remembering.recall({}, Access::open)->has_value());
}

TEST_F(ProvenTest, ARemovedTokenCountsNoMore) {
    person(fleet::Role::admin);  // one must stay
    const auto viewer = person(fleet::Role::viewer);
    ASSERT_TRUE(remembering.authorize(viewer, Access::viewer));
    ASSERT_TRUE(test.domain->operator_tokens.remove(token_id(viewer)));
    EXPECT_FALSE(remembering.recall(viewer, Access::viewer));
    EXPECT_EQ(remembering.authorize(viewer, Access::viewer).error().code, Errc::unauthenticated);
}

TEST_F(ProvenTest, ARevokedOrDeletedDeviceCountsNoMore) {
    const auto revoked = device("cam-1");
    const auto deleted = device("cam-2");
    for (const auto& one : {revoked, deleted}) {
        ASSERT_TRUE(remembering.authorize(one, Access::device));
    }
    ASSERT_TRUE(test.domain->fleet.revoke_device("cam-1"));
    EXPECT_EQ(remembering.authorize(revoked, Access::device).error().code, Errc::unauthenticated);
    ASSERT_TRUE(remembering.authorize(deleted, Access::device));
    ASSERT_TRUE(test.domain->fleet.remove_device("cam-2"));
    EXPECT_EQ(remembering.authorize(deleted, Access::device).error().code, Errc::unauthenticated);
}

TEST_F(ProvenTest, AnExpiredTokenCountsNoMore) {
    fleet::OperatorTokenRequest request;
    request.name = "short";
    request.expires_in = std::chrono::seconds(60);
    Credentials brief;
    brief.bearer = test.domain->operator_tokens.create(request, std::string(64, 'a')).value().text;
    ASSERT_TRUE(remembering.authorize(brief, Access::viewer));
    ASSERT_TRUE(remembering.recall(brief, Access::viewer));
    test.clock.advance(std::chrono::seconds(61));
    EXPECT_FALSE(remembering.recall(brief, Access::viewer));
    EXPECT_EQ(remembering.authorize(brief, Access::viewer).error().code, Errc::unauthenticated);
}

TEST_F(ProvenTest, WhatWasReadBeforeARevocationIsNotKept) {
    const auto camera = device("cam");
    const auto moment = proven.moment();
    ProvenIdentities::Proof proof;
    proof.caller.kind = Caller::Kind::device;
    device("other");
    ASSERT_TRUE(test.domain->fleet.revoke_device("other"));
    proven.keep(camera, proof, moment);
    EXPECT_FALSE(proven.find(camera));
    proven.keep(camera, proof, proven.moment());
    EXPECT_TRUE(proven.find(camera));
}

TEST_F(ProvenTest, ADeviceAndItsSerialBelongTogether) {
    const auto camera = device("cam");
    ASSERT_TRUE(remembering.authorize(camera, Access::device));
    auto forged = camera;
    forged.common_name = "other";
    EXPECT_FALSE(remembering.recall(forged, Access::device));
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
