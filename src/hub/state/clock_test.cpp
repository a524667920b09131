#include <gtest/gtest.h>

#include "base/file.h"
#include "hub/state/revocations.h"
#include "hub/state/tls_material.h"
#include "hub/test_domain.h"
#include "trust/crl_info.h"

// What the hub makes for others to check must count by the clock it has now.
namespace strandline::hub {
namespace {

using std::chrono::days;

class HubClock : public testing::Test {
protected:
    [[nodiscard]] trust::CrlInfo crl() const {
        return trust::read_crl(read_text_file(tls.crl, 1 << 20).value()).value();
    }
    [[nodiscard]] trust::CertificateInfo server() const {
        return trust::read_certificate(read_text_file(tls.server_chain, 1 << 20).value()).value();
    }
    bool refresh_certificates() {
        const std::vector<std::string> names{"localhost"};
        return refresh_tls(tls, *authority, names, world.clock).value();
    }

    TestDomain world;
    TlsFiles tls{world.folder.path() / "tls"};
    std::unique_ptr<trust::CertificateAuthority> authority =
        trust::CertificateAuthority::open_or_create(world.folder.path() / "ca", "CA", world.clock)
            .value();
};

TEST_F(HubClock, TheRevocationListIsRenewedBeforeItEnds) {
    ASSERT_TRUE(refresh_certificates());
    Revocations revocations(world.domain->devices, *authority, tls.crl, world.clock);
    EXPECT_TRUE(revocations.refresh().value());
    EXPECT_FALSE(revocations.refresh().value()) << "nothing changed";
    world.clock.advance(days{300});
    EXPECT_TRUE(revocations.refresh().value());
    EXPECT_GT(crl().next_update, world.clock.wall() + days{300});
    EXPECT_FALSE(revocations.refresh().value());
}

TEST_F(HubClock, ARevocationListOfTheFutureIsReplaced) {
    ASSERT_TRUE(refresh_certificates());
    Revocations revocations(world.domain->devices, *authority, tls.crl, world.clock);
    const auto now = world.clock.wall();
    world.clock.set_wall(now + days{3650});
    EXPECT_TRUE(revocations.refresh().value());
    world.clock.set_wall(now);
    EXPECT_TRUE(revocations.refresh().value());
    EXPECT_LE(crl().this_update, now);
}

TEST_F(HubClock, CertificatesOfTheFutureAreReplaced) {
    const auto now = world.clock.wall();
    world.clock.set_wall(now + days{40});
    ASSERT_TRUE(refresh_certificates());
    world.clock.set_wall(now);
    EXPECT_TRUE(refresh_certificates());
    EXPECT_LE(server().not_before, now);
    EXPECT_FALSE(refresh_certificates());
}

}  // namespace
}  // namespace strandline::hub
