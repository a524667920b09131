#include "fleet/test_fleet.h"

namespace strandline::fleet {
namespace {

using registry::PageRequest;
using std::chrono::hours;
using std::chrono::seconds;
using test::code_of;
using test::must;
using test::to_all;
using test::to_cluster;
using test::to_labels;

class Devices : public test::FleetTest {};
STRANDLINE_ON_EVERY_DATABASE(Devices);

TEST_P(Devices, EnrolWithATokenThatIsSpentByIt) {
    must(clusters.create("pilot", ""));
    JoinTokenRequest request;
    request.cluster = "pilot";
    request.labels = {{"site", "north"}};
    EnrolRequest wanted;
    wanted.token = join_token(request);
    wanted.labels = {{"site", "mine"}, {"floor", "2"}};
    wanted.arch = "x86_64";
    const auto enrolled = must(fleet.enrol(wanted, issuer()));
    const auto device = must(devices.get(enrolled.device));
    EXPECT_EQ(device.labels,
              (std::map<std::string, std::string>{{"site", "north"}, {"floor", "2"}}));
    EXPECT_EQ(device.clusters, Ids{"pilot"});
    EXPECT_EQ(device.arch, "x86_64");
    EXPECT_EQ(device.certificate_serial, enrolled.certificate.serial);
    EXPECT_EQ(device.generation, 0);
    EXPECT_EQ(code_of(fleet.enrol(wanted, issuer())), Errc::unauthenticated);
    EXPECT_EQ(must(devices.counts()).total, 1);
    EXPECT_EQ(must(join_tokens.list({})).items.at(0).used, 1);
    EXPECT_EQ(events_of("device.enrolled"), 1U);
    EXPECT_EQ(code_of(desired_states.get(enrolled.device)), Errc::not_found);
}

TEST_P(Devices, EnrolAgainWithTheSameTokenAndKey) {
    EnrolRequest wanted;
    wanted.token = join_token();
    wanted.key = sha256("the device's key");
    const auto first = must(fleet.enrol(wanted, issuer()));
    const auto again = must(fleet.enrol(wanted, issuer()));
    EXPECT_EQ(again.device, first.device);
    EXPECT_NE(again.certificate.serial, first.certificate.serial);
    EXPECT_EQ(must(devices.counts()).total, 1);
    EXPECT_EQ(must(join_tokens.list({})).items.at(0).used, 1);
    EXPECT_EQ(events_of("device.enrolled"), 1U);

    auto other = wanted;
    other.key = sha256("somebody else's key");
    EXPECT_EQ(code_of(fleet.enrol(other, issuer())), Errc::unauthenticated);
    other = wanted;
    other.name = "another";
    EXPECT_EQ(code_of(fleet.enrol(other, issuer())), Errc::unauthenticated);
    other = wanted;
    other.token.secret.back() = other.token.secret.back() == '0' ? '1' : '0';
    EXPECT_EQ(code_of(fleet.enrol(other, issuer())), Errc::unauthenticated);
    must(fleet.revoke_device(first.device));
    EXPECT_EQ(code_of(fleet.enrol(wanted, issuer())), Errc::unauthenticated);
}

TEST_P(Devices, DoNotSpendATokenWhenEnrolmentFails) {
    EnrolRequest wanted;
    wanted.token = join_token();
    wanted.name = "cam-1";
    const IssueCertificate broken = [](const std::string&) -> Result<trust::IssuedCertificate> {
        return fail(Errc::invalid, "csr: not a request");
    };
    EXPECT_EQ(code_of(fleet.enrol(wanted, broken)), Errc::invalid);
    EXPECT_EQ(code_of(devices.get("cam-1")), Errc::not_found);
    must(fleet.enrol(wanted, issuer()));
    wanted.token = join_token();
    EXPECT_EQ(code_of(fleet.enrol(wanted, issuer())), Errc::conflict);
    EXPECT_EQ(must(join_tokens.list({1, ""})).items.at(0).used, 0);
    wanted.name = "../cam";
    EXPECT_EQ(code_of(fleet.enrol(wanted, issuer())), Errc::invalid);
}

TEST_P(Devices, AreRefusedByEveryKindOfBadToken) {
    const auto refused = [&](const trust::Token& token) {
        EnrolRequest wanted;
        wanted.token = token;
        return code_of(fleet.enrol(wanted, issuer())) == Errc::unauthenticated;
    };
    JoinTokenRequest request;
    request.uses = 2;
    request.expires_in = hours{1};
    const auto good = join_token(request);
    auto wrong = good;
    wrong.secret = make_secret();
    EXPECT_TRUE(refused(wrong));
    auto unknown = good;
    unknown.id += "x";
    EXPECT_TRUE(refused(unknown));
    auto of_operator = good;
    of_operator.kind = trust::operator_token_kind;
    EXPECT_TRUE(refused(of_operator));
    EXPECT_FALSE(must(join_tokens.list({})).items.at(0).used);

    EnrolRequest wanted;
    wanted.token = good;
    must(fleet.enrol(wanted, issuer()));
    clock.advance(hours{1});
    EXPECT_TRUE(refused(good));
    must(join_tokens.remove(good.id));
    EXPECT_EQ(code_of(join_tokens.remove(good.id)), Errc::not_found);
}

TEST_P(Devices, ReceiveStandingDeploymentsWhenTheyCome) {
    push("1.0.0");
    push("2.0.0");
    must(clusters.create("pilot", ""));
    deploy("1.0.0", to_all());
    const auto pilot = deploy("2.0.0", to_cluster("pilot"));
    const auto enrolled = enrol("cam-1");
    EXPECT_EQ(enrolled.changed, Ids{"cam-1"});
    EXPECT_EQ(wanted("cam-1"), "1.0.0");
    EXPECT_EQ(must(fleet.join_cluster("pilot", "cam-1")), Ids{"cam-1"});
    EXPECT_EQ(wanted("cam-1"), "2.0.0");
    EXPECT_TRUE(must(fleet.join_cluster("pilot", "cam-1")).empty());
    EXPECT_EQ(row(pilot.deployment.id, "cam-1").state, DeviceState::pending);
    EXPECT_EQ(must(deployments.get(pilot.deployment.id)).state, DeploymentState::running);
    // Out of the cluster it falls back to what is for everybody.
    EXPECT_EQ(must(fleet.leave_cluster("pilot", "cam-1")), Ids{"cam-1"});
    EXPECT_EQ(wanted("cam-1"), "1.0.0");
    EXPECT_EQ(code_of(fleet.leave_cluster("pilot", "cam-1")), Errc::not_found);
    EXPECT_EQ(must(deployments.get(pilot.deployment.id)).state, DeploymentState::superseded);
    must(fleet.join_cluster("pilot", "cam-1"));
    EXPECT_EQ(wanted("cam-1"), "2.0.0");
    const auto again = must(deployments.get(pilot.deployment.id));
    EXPECT_EQ(again.totals.devices, 1);
    EXPECT_EQ(again.totals.pending, 1);
    EXPECT_EQ(desired("cam-1").generation, 4);
}

TEST_P(Devices, ReceiveWhatTheirNewLabelsCallFor) {
    push("1.0.0");
    deploy("1.0.0", to_labels({{"weather", "rain"}}));
    enrol("cam-1");
    EXPECT_EQ(code_of(desired_states.get("cam-1")), Errc::not_found);
    DeviceChange change;
    change.labels = Labels{{"weather", "rain"}};
    change.name = "gate";
    EXPECT_EQ(must(fleet.update_device("cam-1", change)), Ids{"cam-1"});
    EXPECT_EQ(wanted("cam-1"), "1.0.0");
    EXPECT_EQ(must(devices.get("cam-1")).name, "gate");
    // A label that goes takes no model away.
    change.labels = Labels{};
    EXPECT_TRUE(must(fleet.update_device("cam-1", change)).empty());
    EXPECT_EQ(wanted("cam-1"), "1.0.0");
    change.labels = Labels{{"a b", "x"}};
    EXPECT_EQ(code_of(fleet.update_device("cam-1", change)), Errc::invalid);
    EXPECT_EQ(code_of(fleet.update_device("cam-9", {})), Errc::not_found);
}

TEST_P(Devices, AreShutOutWhenRevoked) {
    push("1.0.0");
    const auto enrolled = enrol("cam-1");
    const auto deployed = deploy("1.0.0", to_all());
    must(devices.check_certificate("cam-1", enrolled.certificate.serial));
    trust::IssuedCertificate renewed{"PEM", "feed", clock.wall() + std::chrono::days{90}};
    must(devices.add_certificate("cam-1", renewed));
    must(devices.check_certificate("cam-1", "feed"));
    EXPECT_EQ(code_of(devices.check_certificate("cam-2", "feed")), Errc::unauthenticated);

    must(fleet.revoke_device("cam-1"));
    EXPECT_EQ(code_of(devices.check_certificate("cam-1", "feed")), Errc::unauthenticated);
    EXPECT_EQ(must(devices.revoked_certificates()).size(), 2U);
    EXPECT_EQ(code_of(devices.add_certificate("cam-1", renewed)), Errc::not_found);
    EXPECT_TRUE(must(devices.get("cam-1")).revoked);
    EXPECT_EQ(row(deployed.deployment.id, "cam-1").state, DeviceState::cancelled);
    EXPECT_EQ(code_of(fleet.apply_report(report("cam-1", {}))), Errc::unauthenticated);
    EXPECT_FALSE(must(desired_states.may_read_manifest("cam-1", deployed.deployment.manifest)));
    EXPECT_EQ(must(desired_states.to_clear(10)), Ids{"cam-1"});
    EXPECT_TRUE(must(desired_states.unpublished(10)).empty());
    EXPECT_TRUE(deploy("1.0.0", to_all()).changed.empty());
    must(desired_states.mark_cleared(Ids{"cam-1"}));
    EXPECT_TRUE(must(desired_states.to_clear(10)).empty());
    clock.advance(std::chrono::days{91});
    EXPECT_TRUE(must(devices.revoked_certificates()).empty());
    const auto number = must(devices.next_crl_number());
    EXPECT_GT(must(devices.next_crl_number()), number);
}

TEST_P(Devices, NeverGoBackInGenerationsEvenWhenDeletedAndEnrolledAgain) {
    push("1.0.0");
    push("2.0.0");
    enrol("cam-1");
    deploy("1.0.0", to_all());
    deploy("2.0.0", to_all());
    EXPECT_EQ(desired("cam-1").generation, 2);
    must(fleet.remove_device("cam-1"));
    EXPECT_EQ(code_of(devices.get("cam-1")), Errc::not_found);
    EXPECT_EQ(must(devices.revoked_certificates()).size(), 1U);
    EXPECT_EQ(must(desired_states.to_clear(10)), Ids{"cam-1"});
    enrol("cam-1");
    EXPECT_EQ(desired("cam-1").generation, 3);
    EXPECT_TRUE(must(desired_states.to_clear(10)).empty());
}

TEST_P(Devices, AreOnlineByBootOrder) {
    enrol("cam-1");
    using Changes = std::vector<PresenceChange>;
    using Outcomes = std::vector<PresenceOutcome>;
    const auto set = [&](const Changes& changes) { return must(devices.set_online(changes)); };
    const Outcomes changed{PresenceOutcome::changed};
    const Outcomes unchanged{PresenceOutcome::unchanged};
    EXPECT_EQ(set({{"cam-1", 3, true}}), changed);
    EXPECT_EQ(set({{"cam-1", 3, true}}), unchanged);
    // The will of the boot before arrives late.
    EXPECT_EQ(set({{"cam-1", 2, false}}), unchanged);
    EXPECT_TRUE(must(devices.get("cam-1")).online);
    EXPECT_EQ(set({{"cam-1", 3, false}}), changed);
    EXPECT_EQ(must(devices.counts()).online, 0);
    const Outcomes mixed{PresenceOutcome::unknown_device, PresenceOutcome::changed};
    EXPECT_EQ(set({{"cam-9", 1, true}, {"cam-1", 4, true}}), mixed);
    EXPECT_EQ(events_of("device.online"), 2U);
    EXPECT_EQ(events_of("device.offline"), 1U);
    clock.advance(seconds{100});
    EXPECT_TRUE(must(devices.expire_presence(seconds{101})).empty());
    EXPECT_EQ(must(devices.expire_presence(seconds{99})), Ids{"cam-1"});
    EXPECT_FALSE(must(devices.get("cam-1")).online);
}

TEST_P(Devices, StayOfflineOnceRevoked) {
    enrol("cam-1");
    must(devices.set_online(std::vector<PresenceChange>{{"cam-1", 1, true}}));
    must(fleet.revoke_device("cam-1"));
    EXPECT_FALSE(must(devices.get("cam-1")).online);
    // It was on its way when the device was revoked.
    EXPECT_EQ(must(devices.set_online(std::vector<PresenceChange>{{"cam-1", 2, true}})),
              std::vector<PresenceOutcome>{PresenceOutcome::unchanged});
    EXPECT_FALSE(must(devices.get("cam-1")).online);
}

TEST_P(Devices, AreListedByWhatTheyAre) {
    must(clusters.create("pilot", ""));
    for (int i = 0; i < 6; ++i) {
        const std::string id = "cam-" + std::to_string(i);
        enrol(id, {{"site", i % 2 == 0 ? "north" : "south"}, {"kind", "camera"}});
        if (i < 3) must(fleet.join_cluster("pilot", id));
    }
    must(devices.set_online(std::vector<PresenceChange>{{"cam-4", 1, true}}));
    const auto ids = [&](const DeviceFilter& filter) {
        Ids out;
        PageRequest page{2, ""};
        for (;;) {
            const auto part = must(devices.list(filter, page));
            for (const auto& device : part.items) out.push_back(device.id);
            if (!part.next) return out;
            page.cursor = *part.next;
        }
    };
    EXPECT_EQ(ids({}).size(), 6U);
    EXPECT_EQ(ids({"pilot", {}, {}}), (Ids{"cam-0", "cam-1", "cam-2"}));
    EXPECT_EQ(ids({"pilot", {{"site", "north"}}, {}}), (Ids{"cam-0", "cam-2"}));
    EXPECT_EQ(ids({"", {{"site", "north"}, {"kind", "camera"}}, true}), Ids{"cam-4"});
    EXPECT_TRUE(ids({"", {{"site", "north"}, {"site", "south"}}, {}}).empty());
    EXPECT_EQ(must(clusters.get("pilot")).members, (Ids{"cam-0", "cam-1", "cam-2"}));
    must(clusters.remove("pilot"));
    EXPECT_EQ(code_of(clusters.get("pilot")), Errc::not_found);
    EXPECT_TRUE(must(devices.get("cam-0")).clusters.empty());
}

}  // namespace
}  // namespace strandline::fleet
