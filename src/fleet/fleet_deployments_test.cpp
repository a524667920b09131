#include "fleet/test_fleet.h"

namespace strandline::fleet {
namespace {

using test::code_of;
using test::must;
using test::to_all;
using test::to_cluster;
using test::to_devices;
using test::to_labels;

class Deployments : public test::FleetTest {
protected:
    Deployments() {
        v1 = push("1.0.0");
        v2 = push("2.0.0");
        v3 = push("3.0.0");
        for (const auto* id : {"cam-1", "cam-2", "cam-3"}) enrol(id);
    }
    void say(const trust::Report& report) {
        EXPECT_TRUE(must(fleet.apply_report(report)).accepted);
    }
    void all_run(const registry::Release& release) {
        for (const auto* id : {"cam-1", "cam-2", "cam-3"}) say(report(id, release));
    }
    [[nodiscard]] Deployment get(const Deployed& deployed) {
        return must(deployments.get(deployed.deployment.id));
    }

    registry::Release v1, v2, v3;
};
STRANDLINE_ON_EVERY_DATABASE(Deployments);

TEST_P(Deployments, ReachTheirDevicesAndSucceedByProof) {
    auto wanted_order = order("1.0.0", to_devices({"cam-2", "cam-1"}));
    wanted_order.policy.spread = std::chrono::seconds{30};
    wanted_order.policy.allow_full = false;
    const auto deployed = must(fleet.deploy(wanted_order));
    EXPECT_EQ(deployed.changed, (Ids{"cam-1", "cam-2"}));
    EXPECT_EQ(deployed.deployment.state, DeploymentState::running);
    EXPECT_EQ(deployed.deployment.totals.pending, 2);
    const auto state = desired("cam-1");
    ASSERT_EQ(state.slots.size(), 1U);
    EXPECT_EQ(state.slots[0].slot, "face");
    EXPECT_EQ(state.slots[0].manifest, v1.manifest);
    EXPECT_EQ(state.slots[0].deployment, deployed.deployment.id);
    EXPECT_FALSE(state.slots[0].allow_full);
    EXPECT_EQ(state.spread, std::chrono::seconds{30});
    EXPECT_EQ(state.issued, to_rfc3339(clock.wall()));

    say(report("cam-1", {}, "fetch"));
    EXPECT_EQ(get(deployed).totals.updating, 1);
    auto done = report("cam-1", v1);
    done.slots[0].last_update.bytes_full = 1000;
    done.slots[0].last_update.bytes_received = 70;
    say(done);
    EXPECT_EQ(row(deployed.deployment.id, "cam-1").state, DeviceState::active);
    EXPECT_EQ(get(deployed).state, DeploymentState::running);
    say(report("cam-2", v1));
    const auto finished = get(deployed);
    EXPECT_EQ(finished.state, DeploymentState::succeeded);
    EXPECT_EQ(finished.totals.active, 2);
    EXPECT_EQ(finished.totals.bytes_full, 1000U);
    EXPECT_EQ(finished.totals.bytes_received, 70U);
    EXPECT_EQ(events_of("deployment.finished"), 1U);
    EXPECT_EQ(must(deployments.count(DeploymentState::succeeded)), 1);
}

TEST_P(Deployments, FailWhenADeviceRefuses) {
    const auto deployed = deploy("1.0.0", to_all());
    say(report("cam-1", v1));
    say(refusal("cam-2", {}, v1));
    say(report("cam-3", v1));
    EXPECT_EQ(get(deployed).state, DeploymentState::failed);
    const auto refused = row(deployed.deployment.id, "cam-2");
    EXPECT_EQ(refused.state, DeviceState::refused);
    EXPECT_EQ(refused.reason, "wrong_answer");
    EXPECT_EQ(must(deployments.list(DeploymentState::failed, {})).items.size(), 1U);
}

TEST_P(Deployments, IgnoreReportsThatAreLateOrOfTheOrderBefore) {
    const auto deployed = deploy("1.0.0", to_all());
    auto newer = report("cam-1", v1, "soak");
    auto older = report("cam-1", {}, "fetch");
    older.sequence = newer.sequence - 1;
    say(newer);
    EXPECT_FALSE(must(fleet.apply_report(older)).accepted);
    EXPECT_FALSE(must(fleet.apply_report(newer)).accepted);
    EXPECT_EQ(row(deployed.deployment.id, "cam-1").stage, "soak");
    auto next_boot = report("cam-1", v1);
    next_boot.boot = 2;
    next_boot.sequence = 0;
    say(next_boot);
    EXPECT_EQ(row(deployed.deployment.id, "cam-1").state, DeviceState::active);

    // A device whose boot fell back would be ignored for ever: it is named.
    Ids fallen;
    fleet.on_boot_fell_back = [&](const std::string& device) { fallen.push_back(device); };
    auto restored = report("cam-1", v1);
    restored.boot = 1;
    EXPECT_FALSE(must(fleet.apply_report(restored)).accepted);
    EXPECT_EQ(fallen, Ids{"cam-1"});
    EXPECT_FALSE(must(fleet.apply_report(next_boot)).accepted);
    EXPECT_EQ(fallen, Ids{"cam-1"}) << "a repeated report did not fall back";

    // The report was on its way when the next order was given: it proves nothing about that one.
    auto late = report("cam-1", v1);
    late.boot = 2;
    const auto second = deploy("1.0.0", to_all());
    const auto outcome = must(fleet.apply_report(late));
    EXPECT_TRUE(outcome.accepted);
    EXPECT_TRUE(outcome.behind);
    EXPECT_EQ(row(second.deployment.id, "cam-1").state, DeviceState::pending);
}

TEST_P(Deployments, BringGoodAndBadReportsToAnEndInOneBatch) {
    deploy("1.0.0", to_all());
    const std::vector batch{report("cam-1", v1), report("ghost", {}), report("cam-2", v1)};
    const auto outcomes = must(fleet.apply_reports(batch));
    ASSERT_EQ(outcomes.size(), 3U);
    EXPECT_TRUE(outcomes[0]->accepted);
    EXPECT_TRUE(outcomes[0]->came_online);
    EXPECT_EQ(code_of(outcomes[1]), Errc::not_found);
    EXPECT_TRUE(outcomes[2]->accepted);
    EXPECT_EQ(must(devices.get("cam-2")).slots.at(0).reported->active->version, "1.0.0");
}

// A report is read again with each list of devices: it must be readable, or cost nobody else.
TEST_P(Deployments, ListDevicesWhateverTheyReported) {
    auto long_report = report("cam-1", v1);
    // 200,000 bytes that JSON writes as six each.
    for (int i = 0; i < 200; ++i)
        long_report.slots[0].active->files[std::to_string(i) + std::string(1000, '\1')] = {};
    const std::vector batch{long_report, report("cam-2", v2)};
    const auto outcomes = must(fleet.apply_reports(batch));
    EXPECT_EQ(code_of(outcomes[0]), Errc::invalid);
    EXPECT_TRUE(outcomes[1]->accepted);
    must(database->write<void>([](store::Transaction& t) -> Status {
        TRY(
            t.execute("INSERT INTO device_reports (device_id, report, files_key, status_key) "
                      "VALUES ('cam-3', '{broken', '', '')"));
        return {};
    }));
    const auto listed = must(devices.list({}, {})).items;
    ASSERT_EQ(listed.size(), 3U);
    EXPECT_TRUE(listed[0].slots.empty());
    EXPECT_EQ(listed[1].slots.at(0).reported->active->version, "2.0.0");
    EXPECT_TRUE(listed[2].slots.empty());
}

TEST_P(Deployments, SupersedeEachOtherInTheSameSlotOnly) {
    const auto first = deploy("1.0.0", to_all());
    auto other_slot = order("1.0.0", to_all());
    other_slot.slot = "spare";
    const auto spare = must(fleet.deploy(other_slot));
    const auto second = deploy("2.0.0", to_devices({"cam-1"}));
    EXPECT_EQ(row(first.deployment.id, "cam-1").state, DeviceState::superseded);
    EXPECT_EQ(row(first.deployment.id, "cam-2").state, DeviceState::pending);
    EXPECT_EQ(row(spare.deployment.id, "cam-1").state, DeviceState::pending);
    EXPECT_EQ(desired("cam-1").slots.size(), 2U);
    deploy("2.0.0", to_all());
    EXPECT_EQ(get(first).state, DeploymentState::superseded);
    EXPECT_EQ(get(second).state, DeploymentState::superseded);
    EXPECT_EQ(must(fleet.clear_slot(to_devices({"cam-1"}), "spare")), Ids{"cam-1"});
    EXPECT_EQ(desired("cam-1").slots.size(), 1U);
    EXPECT_EQ(row(spare.deployment.id, "cam-1").state, DeviceState::cancelled);
}

TEST_P(Deployments, MakeANewGenerationOnlyWhenTheContentChanges) {
    deploy("1.0.0", to_all());
    EXPECT_EQ(desired("cam-1").generation, 1);
    say(report("cam-1", v1));
    DeviceChange relabelled;
    relabelled.labels = Labels{{"site", "north"}};
    EXPECT_TRUE(must(fleet.update_device("cam-1", relabelled)).empty());
    EXPECT_EQ(desired("cam-1").generation, 1);
    // The same release again is a new order.
    const auto again = deploy("1.0.0", to_all());
    EXPECT_EQ(again.changed.size(), 3U);
    EXPECT_EQ(desired("cam-1").generation, 2);
    EXPECT_EQ(desired("cam-1").slots[0].deployment, again.deployment.id);
    EXPECT_EQ(must(fleet.sign_again("", 2)), (Ids{"cam-1", "cam-2"}));
    EXPECT_EQ(must(fleet.sign_again("cam-2", 2)), Ids{"cam-3"});
    EXPECT_TRUE(must(fleet.sign_again("cam-3", 2)).empty());
    EXPECT_EQ(desired("cam-1").generation, 3);
    EXPECT_EQ(desired("cam-1").slots[0].deployment, again.deployment.id);
}

TEST_P(Deployments, RollBackToWhatEachDeviceHadBefore) {
    deploy("1.0.0", to_devices({"cam-1"}));
    deploy("2.0.0", to_devices({"cam-2"}));
    say(report("cam-1", v1));
    say(report("cam-2", v2));
    const auto third = deploy("3.0.0", to_all());
    say(report("cam-1", v3));
    const auto back = must(fleet.rollback(third.deployment.id, "operator"));
    EXPECT_EQ(back.changed, (Ids{"cam-1", "cam-2", "cam-3"}));
    EXPECT_EQ(wanted("cam-1"), "1.0.0");
    EXPECT_EQ(wanted("cam-2"), "2.0.0");
    EXPECT_EQ(wanted("cam-3"), "-");
    ASSERT_EQ(back.deployments.size(), 2U);
    EXPECT_EQ(back.deployments[0].rollback_of, third.deployment.id);
    EXPECT_EQ(back.deployments[0].created_by, "operator");
    EXPECT_EQ(row(third.deployment.id, "cam-1").state, DeviceState::active);
    EXPECT_EQ(row(third.deployment.id, "cam-2").state, DeviceState::superseded);
    EXPECT_EQ(row(third.deployment.id, "cam-3").state, DeviceState::cancelled);
    // It does not reach newcomers any more, nor can it be undone twice.
    EXPECT_TRUE(enrol("cam-4").changed.empty());
    EXPECT_EQ(code_of(fleet.rollback(third.deployment.id, "operator")), Errc::conflict);
    EXPECT_EQ(code_of(fleet.rollback("p-none", "operator")), Errc::not_found);
}

TEST_P(Deployments, RollBackPastWhatTheDeviceRefused) {
    deploy("1.0.0", to_all());
    all_run(v1);
    const auto bad = deploy("2.0.0", to_all());
    say(refusal("cam-1", v1, v2));
    say(report("cam-2", v2));
    const auto third = deploy("3.0.0", to_all());
    EXPECT_EQ(row(third.deployment.id, "cam-2").from_version, "2.0.0");
    must(fleet.rollback(third.deployment.id, "operator"));
    EXPECT_EQ(wanted("cam-1"), "1.0.0");
    EXPECT_EQ(wanted("cam-2"), "2.0.0");
    EXPECT_EQ(get(bad).standing, true);
}

TEST_P(Deployments, SwitchThereAndBackAnyNumberOfTimes) {
    deploy("1.0.0", to_all());
    for (int i = 0; i < 5; ++i) {
        const auto& release = i % 2 == 0 ? v2 : v1;
        const auto deployed = deploy(release.triple.version, to_all());
        all_run(release);
        EXPECT_EQ(get(deployed).state, DeploymentState::succeeded);
        EXPECT_EQ(wanted("cam-1"), release.triple.version);
    }
    EXPECT_EQ(desired("cam-1").generation, 6);
}

TEST_P(Deployments, CancelReturnsOnlyDevicesThatAreNotDone) {
    const auto first = deploy("1.0.0", to_all());
    say(report("cam-1", v1));
    const auto second = deploy("2.0.0", to_all());
    say(report("cam-1", v2));
    const auto cancelled = must(fleet.cancel(second.deployment.id, "operator"));
    EXPECT_EQ(cancelled.deployment.state, DeploymentState::cancelled);
    EXPECT_EQ(cancelled.changed, (Ids{"cam-2", "cam-3"}));
    EXPECT_EQ(wanted("cam-1"), "2.0.0");
    EXPECT_EQ(wanted("cam-2"), "1.0.0");
    EXPECT_EQ(row(second.deployment.id, "cam-2").state, DeviceState::cancelled);
    EXPECT_EQ(row(first.deployment.id, "cam-2").state, DeviceState::pending);
    EXPECT_EQ(get(first).state, DeploymentState::running);
    EXPECT_EQ(code_of(fleet.cancel(second.deployment.id, "operator")), Errc::conflict);
    // Newcomers get the one that still stands.
    enrol("cam-4");
    EXPECT_EQ(wanted("cam-4"), "1.0.0");
    say(report("cam-2", v1));
    say(report("cam-3", v1));
    say(report("cam-4", v1));
    EXPECT_EQ(get(first).state, DeploymentState::succeeded);
    EXPECT_EQ(get(second).state, DeploymentState::cancelled);
}

TEST_P(Deployments, NeverReturnToAnOrderThatWasWithdrawn) {
    deploy("1.0.0", to_all());
    all_run(v1);
    const auto second = deploy("2.0.0", to_all());
    const auto third = deploy("3.0.0", to_devices({"cam-1"}));
    must(fleet.cancel(second.deployment.id, "operator"));
    EXPECT_EQ(wanted("cam-2"), "1.0.0");
    must(fleet.cancel(third.deployment.id, "operator"));
    EXPECT_EQ(wanted("cam-1"), "1.0.0");
    EXPECT_EQ(row(second.deployment.id, "cam-1").state, DeviceState::superseded);
}

TEST_P(Deployments, NeverReturnToAnOrderThatWasWithdrawnAfterItsEnd) {
    deploy("1.0.0", to_all());
    all_run(v1);
    const auto second = deploy("2.0.0", to_all());
    const auto third = deploy("3.0.0", to_all());
    EXPECT_EQ(get(second).state, DeploymentState::superseded);
    must(fleet.cancel(second.deployment.id, "operator"));
    must(fleet.cancel(third.deployment.id, "operator"));
    EXPECT_EQ(wanted("cam-1"), "1.0.0");
}

TEST_P(Deployments, NeverReturnToAnOrderThatWasRolledBackBeforeItRan) {
    deploy("1.0.0", to_all());
    all_run(v1);
    const auto second = deploy("2.0.0", to_all());
    say(report("cam-2", v2));
    const auto back = must(fleet.rollback(second.deployment.id, "operator"));
    ASSERT_EQ(back.deployments.size(), 1U);
    must(fleet.cancel(back.deployments[0].id, "operator"));
    EXPECT_EQ(wanted("cam-1"), "1.0.0");
    EXPECT_EQ(wanted("cam-2"), "2.0.0") << "which it does run";
}

TEST_P(Deployments, NeverReturnToThemselves) {
    const auto first = deploy("1.0.0", to_all());
    all_run(v1);
    DeviceChange labelled;
    labelled.labels = Labels{{"site", "north"}};
    deploy("2.0.0", to_labels(*labelled.labels));
    must(fleet.update_device("cam-1", labelled));
    EXPECT_EQ(wanted("cam-1"), "2.0.0");
    say(refusal("cam-1", v1, v2));
    labelled.labels = Labels{};
    must(fleet.update_device("cam-1", labelled));
    EXPECT_EQ(wanted("cam-1"), "1.0.0");
    EXPECT_EQ(row(first.deployment.id, "cam-1").state, DeviceState::pending);
    must(fleet.cancel(first.deployment.id, "operator"));
    EXPECT_EQ(wanted("cam-1"), "-") << "nothing was before the first";
    EXPECT_EQ(wanted("cam-2"), "1.0.0");
}

TEST_P(Deployments, FollowTheirChannel) {
    push("1.1.0", "stable");
    auto following = order("", to_labels({{"site", "north"}}));
    following.version.reset();
    following.channel = "stable";
    const auto first = must(fleet.deploy(following));
    EXPECT_TRUE(first.deployment.follow);
    EXPECT_EQ(first.deployment.version, "1.1.0");
    EXPECT_EQ(first.deployment.state, DeploymentState::succeeded);
    auto pinned = following;
    pinned.follow = false;
    pinned.to = to_devices({"cam-2"});
    must(fleet.deploy(pinned));
    enrol("cam-n", {{"site", "north"}});
    EXPECT_EQ(wanted("cam-n"), "1.1.0");

    EXPECT_TRUE(must(fleet.on_channel_moved("face", "stable", "ci")).deployments.empty());
    must(channels.move("stable", {"face", "2.0.0", "default"}));
    const auto moved = must(fleet.on_channel_moved("face", "stable", "ci"));
    ASSERT_EQ(moved.deployments.size(), 1U);
    EXPECT_EQ(moved.deployments[0].version, "2.0.0");
    EXPECT_EQ(moved.deployments[0].created_by, "ci");
    EXPECT_TRUE(moved.deployments[0].follow);
    EXPECT_EQ(moved.changed, Ids{"cam-n"});
    EXPECT_EQ(wanted("cam-2"), "1.1.0");
    EXPECT_FALSE(get(first).follow);
    // Undone, it follows no further.
    must(fleet.rollback(moved.deployments[0].id, "operator"));
    EXPECT_EQ(wanted("cam-n"), "1.1.0");
    must(channels.move("stable", {"face", "3.0.0", "default"}));
    EXPECT_TRUE(must(fleet.on_channel_moved("face", "stable", "ci")).deployments.empty());
    following.variant = "sunny";
    EXPECT_EQ(code_of(fleet.deploy(following)), Errc::conflict);
}

TEST_P(Deployments, RefuseOrdersThatCannotBeMeant) {
    struct Case {
        std::string what;
        std::function<void(DeploymentRequest&)> spoil;
        Errc code;
    };
    for (const auto& c : std::vector<Case>{
             {"no version", [](auto& r) { r.version.reset(); }, Errc::invalid},
             {"both", [](auto& r) { r.channel = "stable"; }, Errc::invalid},
             {"unknown release", [](auto& r) { r.version = "9.9.9"; }, Errc::not_found},
             {"bad version", [](auto& r) { r.version = "new"; }, Errc::invalid},
             {"unknown device",
              [](auto& r) {
                  r.to = to_devices({"cam-1", "cam-9"});
              },
              Errc::not_found},
             {"unknown cluster", [](auto& r) { r.to = to_cluster("none"); }, Errc::not_found},
             {"nobody", [](auto& r) { r.to = to_devices({}); }, Errc::invalid},
             {"bad slot", [](auto& r) { r.slot = "a/b"; }, Errc::invalid},
             {"bad policy", [](auto& r) { r.policy.soak.max_error_rate = 7; }, Errc::invalid},
             {"long self-test", [](auto& r) { r.policy.self_test.timeout = std::chrono::hours{2}; },
              Errc::invalid},
             {"no self-test", [](auto& r) { r.policy.self_test.timeout = {}; }, Errc::invalid},
             {"high latency", [](auto& r) { r.policy.soak.max_latency = std::chrono::minutes{61}; },
              Errc::invalid},
             {"long soak", [](auto& r) { r.policy.soak.duration = std::chrono::hours{25}; },
              Errc::invalid},
             {"long spread", [](auto& r) { r.policy.spread = std::chrono::hours{24 * 8}; },
              Errc::invalid},
         }) {
        auto wanted_order = order("1.0.0", to_all());
        c.spoil(wanted_order);
        EXPECT_EQ(code_of(fleet.deploy(wanted_order)), c.code) << c.what;
    }
    EXPECT_TRUE(must(deployments.list({}, {})).items.empty());
    EXPECT_EQ(must(event_log.after(0, 100)).size(), 3U) << "only the enrolments";
}

TEST_P(Deployments, NameTheFieldThatDevicesWouldRefuse) {
    auto wanted_order = order("1.0.0", to_all());
    wanted_order.policy.self_test.timeout = std::chrono::hours{2};
    const auto refused = fleet.deploy(wanted_order);
    ASSERT_EQ(code_of(refused), Errc::invalid);
    const auto& message = refused.error().message;
    EXPECT_NE(message.find("self_test.timeout_ms"), std::string::npos) << message;
    EXPECT_NE(message.find("3600000"), std::string::npos) << message;
}

// Rows of before, when more could be ordered than devices read. desired() reads as they do.
TEST_P(Deployments, OrderWhatWasStoredWithinWhatDevicesRead) {
    const auto stored = deploy("1.0.0", to_labels({{"site", "north"}}));
    DeploymentPolicy excessive;
    excessive.self_test.timeout = std::chrono::hours{24};
    excessive.soak.max_latency = std::chrono::hours{24};
    excessive.soak.duration = std::chrono::hours{24 * 7};
    must(database->write<void>([&](store::Transaction& t) -> Status {
        TRY(t.execute("UPDATE deployments SET policy = :1 WHERE id = :2",
                      {to_json(excessive), stored.deployment.id}));
        return {};
    }));
    enrol("cam-n", {{"site", "north"}});
    const auto state = desired("cam-n");
    ASSERT_EQ(state.slots.size(), 1U);
    EXPECT_EQ(state.slots[0].self_test.timeout, std::chrono::hours{1});
    EXPECT_EQ(state.slots[0].soak.max_latency, std::chrono::hours{1});
    EXPECT_EQ(state.slots[0].soak.duration, std::chrono::hours{24});
}

TEST_P(Deployments, FillNoMoreSlotsThanDevicesRead) {
    auto one = order("1.0.0", to_devices({"cam-1"}));
    for (std::size_t i = 0; i < trust::max_desired_slots; ++i) {
        one.slot = "slot-" + std::to_string(i);
        must(fleet.deploy(one));
    }
    EXPECT_EQ(desired("cam-1").slots.size(), trust::max_desired_slots);
    one.slot = "one-more";
    const auto refused = fleet.deploy(one);
    ASSERT_EQ(code_of(refused), Errc::invalid);
    EXPECT_NE(refused.error().message.find("cam-1"), std::string::npos) << refused.error().message;
    EXPECT_EQ(desired("cam-1").slots.size(), trust::max_desired_slots);
    must(fleet.clear_slot(to_devices({"cam-1"}), "slot-0"));
    must(fleet.deploy(one));
}

// A database whose collation is not that of bytes, as most are outside of tests.
TEST_P(Deployments, FindTheirDevicesInAnyCollation) {
    const auto collated = database->write<bool>([](store::Transaction& t) -> Result<bool> {
        if (GetParam() != "postgresql") return true;  // SQLite compares bytes
        TRY(const auto known,
            t.query_one("SELECT 1 FROM pg_collation WHERE collname = 'en-x-icu'"));
        if (!known) return false;
        for (const auto* column : {"devices ALTER id", "deployment_devices ALTER device_id"}) {
            TRY(t.execute(std::string("ALTER TABLE ") + column +
                          " TYPE TEXT COLLATE \"en-x-icu\""));
        }
        return true;
    });
    if (!must(collated)) GTEST_SKIP() << "this server has no ICU";
    for (const auto* id : {"a-1", "B-2", "c-3"}) enrol(id);
    const auto deployed = deploy("1.0.0", to_devices({"a-1", "B-2"}));
    EXPECT_EQ(deployed.changed, (Ids{"B-2", "a-1"}));
    for (const auto* id : {"a-1", "B-2"}) say(report(id, v1));
    const auto next = deploy("2.0.0", to_all());
    const auto back = must(fleet.rollback(next.deployment.id, "operator"));
    ASSERT_EQ(back.deployments.size(), 1U);
    EXPECT_EQ(back.deployments[0].to.devices, (Ids{"B-2", "a-1"}));
}

TEST_P(Deployments, AskForTheDeltasThatDevicesCanUse) {
    deploy("1.0.0", to_all());
    EXPECT_EQ(must(jobs.counts()).queued, 0) << "nobody holds anything";
    say(report("cam-1", v1));
    EXPECT_EQ(must(jobs.counts()).queued, 0) << "it has what it shall have";
    deploy("2.0.0", to_all());
    EXPECT_TRUE(must(jobs.find({v1.files[0].sha256, v2.files[0].sha256})));
    EXPECT_EQ(must(jobs.counts()).queued, 1);
    // One that was silent turns out to hold something else.
    say(report("cam-2", v3));
    EXPECT_TRUE(must(jobs.find({v3.files[0].sha256, v2.files[0].sha256})));
    say(report("cam-3", v1));
    EXPECT_EQ(must(jobs.counts()).queued, 2);
}

TEST_P(Deployments, OpenTheirBlobsToTheirDevices) {
    deploy("1.0.0", to_devices({"cam-1"}));
    EXPECT_TRUE(must(desired_states.may_read_blob("cam-1", v1.files[0].sha256)));
    EXPECT_FALSE(must(desired_states.may_read_blob("cam-1", v2.files[0].sha256)));
    EXPECT_FALSE(must(desired_states.may_read_blob("cam-2", v1.files[0].sha256)));
    EXPECT_TRUE(must(desired_states.may_read_manifest("cam-1", v1.manifest)));
    EXPECT_FALSE(must(desired_states.may_read_manifest("cam-2", v1.manifest)));
}

TEST_P(Deployments, ArePublishedOncePerGeneration) {
    deploy("1.0.0", to_devices({"cam-1", "cam-2"}));
    auto open = must(desired_states.unpublished(10));
    ASSERT_EQ(open.size(), 2U);
    must(desired_states.mark_published(open));
    EXPECT_TRUE(must(desired_states.unpublished(10)).empty());
    deploy("2.0.0", to_devices({"cam-1"}));
    must(desired_states.mark_published(open));
    open = must(desired_states.unpublished(10));
    ASSERT_EQ(open.size(), 1U) << "a newer one came meanwhile";
    EXPECT_EQ(open[0].generation, 2);
    must(desired_states.mark_published(open));
    EXPECT_TRUE(must(desired_states.unpublished(10)).empty());
    EXPECT_EQ(must(desired_states.list({1, ""})).next, "cam-1");
    EXPECT_EQ(must(desired_states.list({10, "cam-1"})).items.size(), 1U);
}

TEST_P(Deployments, NameMoreDevicesThanOneStatementHolds) {
    JoinTokenRequest many;
    many.uses = 600;
    EnrolRequest request;
    request.token = join_token(many);
    Ids ids;
    for (int i = 0; i < 600; ++i) {
        request.name = "many-" + std::to_string(1000 + i);
        ids.push_back(must(fleet.enrol(request, issuer())).device);
    }
    const auto deployed = deploy("1.0.0", to_devices(ids));
    EXPECT_EQ(deployed.changed, ids);
    EXPECT_EQ(deployed.deployment.totals.pending, 600);
    const auto back = must(fleet.rollback(deployed.deployment.id, "operator"));
    EXPECT_EQ(back.changed, ids);
    EXPECT_EQ(wanted("many-1599"), "-");
}

TEST_P(Deployments, KeepTheirReleases) {
    deploy("1.0.0", to_devices({"cam-1"}));
    EXPECT_EQ(code_of(fleet.remove_release(v1.id)), Errc::conflict);
    deploy("2.0.0", to_devices({"cam-1"}));
    const auto needed = fleet.remove_release(v1.id);
    EXPECT_EQ(code_of(needed), Errc::conflict);
    EXPECT_NE(needed.error().message.find("cam-1"), std::string::npos) << needed.error().message;
    deploy("3.0.0", to_devices({"cam-1"}));
    must(fleet.remove_release(v1.id));
    EXPECT_EQ(code_of(release_store.get(v1.id)), Errc::not_found);
    EXPECT_EQ(code_of(fleet.remove_release("face@1.0.0")), Errc::not_found);
    const auto old = must(deployments.list({}, {})).items.back();
    EXPECT_EQ(old.version, "1.0.0");
    EXPECT_EQ(old.release, "");
    deploy("2.0.0", to_labels({{"site", "north"}}));
    EXPECT_EQ(code_of(fleet.remove_release(v2.id)), Errc::conflict);
}

TEST_P(Deployments, KeepReleasesThatDevicesStillRun) {
    deploy("1.0.0", to_devices({"cam-1"}));
    say(report("cam-1", v1));
    deploy("2.0.0", to_devices({"cam-1"}));
    deploy("3.0.0", to_devices({"cam-1"}));
    const auto needed = fleet.remove_release(v1.id);
    EXPECT_EQ(code_of(needed), Errc::conflict);
    EXPECT_NE(needed.error().message.find("runs on device cam-1"), std::string::npos)
        << needed.error().message;
    say(report("cam-1", v3));
    must(fleet.remove_release(v1.id));
}

TEST_P(Deployments, EmptyNoSlotBecauseTheReleaseBeforeIsGone) {
    deploy("1.0.0", to_devices({"cam-1"}));
    const auto second = deploy("2.0.0", to_devices({"cam-1"}));
    // As a hub of before left it, which did not keep what may be returned to.
    must(database->write<void>([&](store::Transaction& t) -> Status {
        TRY(t.execute("UPDATE deployments SET release_id = NULL WHERE release_id = :1", {v1.id}));
        return {};
    }));
    EXPECT_EQ(code_of(fleet.cancel(second.deployment.id, "operator")), Errc::conflict);
    EXPECT_EQ(wanted("cam-1"), "2.0.0");
    EXPECT_EQ(row(second.deployment.id, "cam-1").state, DeviceState::pending);
}

}  // namespace
}  // namespace strandline::fleet
