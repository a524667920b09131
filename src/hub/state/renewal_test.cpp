#include "hub/state/renewal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "hub/test_domain.h"

namespace strandline::hub {
namespace {

class RenewalTest : public testing::Test {
protected:
    RenewalTest() {
        make().value();
        revocations.refresh().value();
    }
    Result<bool> make() {
        const std::vector<std::string> names{"localhost"};
        return refresh_tls(files, *authority, names, world.clock);
    }
    [[nodiscard]] std::string on_disk() const {
        return read_text_file(files.server_chain, 1 << 20).value();
    }
    Renewal::Parts parts() {
        return {.files = files,
                .revocations = revocations,
                .make_certificates = [this] { return make(); },
                .load_server = [this]() -> Status {
                    ++server_loads;
                    served = on_disk();
                    return {};
                },
                .load_broker = [this]() -> Status {
                    ++broker_loads;
                    return broker_state;
                }};
    }

    TestDomain world;
    TlsFiles files{world.folder.path() / "tls"};
    std::unique_ptr<trust::CertificateAuthority> authority =
        trust::CertificateAuthority::open_or_create(world.folder.path() / "ca", "CA", world.clock)
            .value();
    Revocations revocations{world.domain->devices, *authority, files.crl, world.clock};
    std::string served;
    Status broker_state;
    int server_loads = 0;
    int broker_loads = 0;
};

TEST_F(RenewalTest, WhatTheBrokerDidNotLoadItIsToldAgain) {
    Renewal renewal(parts());
    ASSERT_TRUE(renewal.round());
    EXPECT_EQ(server_loads + broker_loads, 0) << "nothing is due";
    world.clock.advance(std::chrono::days{70});
    broker_state = fail(Errc::unavailable, "the broker is being started");
    EXPECT_FALSE(renewal.round());
    EXPECT_EQ(served, on_disk()) << "whatever the broker does";
    broker_state = {};
    EXPECT_TRUE(renewal.round());
    EXPECT_EQ(broker_loads, 2);
    EXPECT_TRUE(renewal.round());
    EXPECT_EQ(broker_loads, 2);
    EXPECT_EQ(server_loads, 1);
}

TEST_F(RenewalTest, TheServerIsTriedAgainToo) {
    Renewal renewal(parts());
    world.clock.advance(std::chrono::days{70});
    ASSERT_TRUE(renewal.round());
    renewal.server_failed();
    ASSERT_TRUE(renewal.round());
    EXPECT_EQ(server_loads, 2);
    EXPECT_EQ(broker_loads, 1);
}

TEST_F(RenewalTest, ServerAndBrokerGoOnWhenNoListCanBeMade) {
    Renewal renewal(parts());
    world.clock.advance(std::chrono::days{70});
    std::filesystem::remove(files.crl);
    std::filesystem::create_directories(files.crl / "in the way");
    EXPECT_FALSE(renewal.round());
    EXPECT_EQ(served, on_disk());
    EXPECT_EQ(broker_loads, 1);
}

TEST_F(RenewalTest, ARevocationIsToldUntilTheBrokerHasIt) {
    Renewal renewal(parts());
    const auto made = authority->issue_client("a", std::chrono::days{90}).value();
    world.enrol("a");
    ASSERT_TRUE(world.domain->devices.add_certificate("a", made.issued));
    ASSERT_TRUE(world.database->write<std::int64_t>([&](store::Transaction& t) {
        return t.execute("DELETE FROM device_certificates WHERE serial <> :1",
                         {made.issued.serial});
    })) << "the other one is made up and fits in no list";
    ASSERT_TRUE(world.domain->fleet.revoke_device("a"));
    broker_state = fail(Errc::timeout, "the broker is busy");
    EXPECT_FALSE(renewal.spread_revocations());
    EXPECT_FALSE(renewal.spread_revocations()) << "the list is not new, but not known either";
    broker_state = {};
    EXPECT_TRUE(renewal.spread_revocations());
    EXPECT_EQ(broker_loads, 3);
}

TEST_F(RenewalTest, FilesThatAreRightAreNotWrittenAgain) {
    struct stat before {};
    ASSERT_EQ(::stat(files.ca.c_str(), &before), 0);
    EXPECT_FALSE(make().value());
    struct stat after {};
    ASSERT_EQ(::stat(files.ca.c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino) << "a full disk would not let it be replaced";
    EXPECT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    ASSERT_TRUE(write_file_atomically(files.ca, as_bytes("another")));
    EXPECT_FALSE(make().value());
    EXPECT_EQ(read_text_file(files.ca, 1 << 20).value(), authority->certificate_pem());
}

}  // namespace
}  // namespace strandline::hub
