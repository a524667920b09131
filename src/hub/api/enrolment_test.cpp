#include "hub/api/enrolment.h"

#include <gtest/gtest.h>

#include "hub/test_domain.h"

namespace strandline::hub {
namespace {

class EnrolmentTest : public testing::Test {
protected:
    TestDomain test;
    std::unique_ptr<trust::CertificateAuthority> authority =
        trust::CertificateAuthority::open_or_create(test.folder.path() / "ca", "test", test.clock)
            .value();
    Enrolment enrolment{test.domain->fleet, *authority, test.clock,
                        EnrolmentPolicy{.attempts_per_minute = 2, .failures_per_minute = 3}};

    fleet::EnrolRequest request() {
        const auto token =
            test.domain->join_tokens.create({}, authority->certificate_sha256()).value();
        fleet::EnrolRequest out;
        out.token = trust::Token::parse(token.text, trust::join_token_kind).value();
        return out;
    }
};

TEST_F(EnrolmentTest, TokenBecomesADeviceOnce) {
    const auto csr = trust::make_certificate_request("x").value().csr_pem;
    const auto wanted = request();
    const auto enrolled = enrolment.enrol(wanted, csr);
    ASSERT_TRUE(enrolled) << enrolled.error().message;
    const auto info = trust::read_certificate(enrolled->certificate.certificate_pem);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->common_name, enrolled->device);
    EXPECT_TRUE(test.domain->devices.check_certificate(enrolled->device, info->serial));
    const auto another = trust::make_certificate_request("x").value().csr_pem;
    EXPECT_EQ(enrolment.enrol(wanted, another).error().code, Errc::unauthenticated);
    const auto again = enrolment.enrol(wanted, csr);
    ASSERT_TRUE(again) << "the device that lost the answer asks with the key that it used";
    EXPECT_EQ(again->device, enrolled->device);
}

TEST_F(EnrolmentTest, BrokenRequestCostsNoUseOfTheToken) {
    const auto wanted = request();
    EXPECT_FALSE(enrolment.enrol(wanted, "no csr"));
    EXPECT_TRUE(enrolment.enrol(wanted, trust::make_certificate_request("x").value().csr_pem));
}

TEST_F(EnrolmentTest, AttemptsAreLimited) {
    EXPECT_TRUE(enrolment.admit("a"));
    EXPECT_TRUE(enrolment.admit("a"));
    const auto refused = enrolment.admit("a");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::exhausted);
    ASSERT_TRUE(refused.error().retry_after);
    test.clock.advance(*refused.error().retry_after + std::chrono::milliseconds(1));
    EXPECT_TRUE(enrolment.admit("a"));
}

TEST_F(EnrolmentTest, AnAddressThatGuessesIsRefusedAndTakesNothingFromOthers) {
    for (int i = 0; i < 3; ++i) enrolment.note_failure("guesser");
    for (int i = 0; i < 5; ++i) {
        const auto refused = enrolment.admit("guesser");
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::exhausted);
        EXPECT_TRUE(refused.error().retry_after);
    }
    EXPECT_TRUE(enrolment.admit("honest"));
    EXPECT_TRUE(enrolment.admit("honest"));
    test.clock.advance(std::chrono::minutes(1));
    EXPECT_TRUE(enrolment.admit("guesser"));
}

TEST_F(EnrolmentTest, RevokedDeviceIsRefused) {
    const auto enrolled =
        enrolment.enrol(request(), trust::make_certificate_request("x").value().csr_pem);
    ASSERT_TRUE(enrolled);
    ASSERT_TRUE(test.domain->fleet.revoke_device(enrolled->device));
    const auto checked =
        test.domain->devices.check_certificate(enrolled->device, enrolled->certificate.serial);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, Errc::unauthenticated);
}

}  // namespace
}  // namespace strandline::hub
