#include <gtest/gtest.h>

#include "fleet/assignment.h"
#include "fleet/delta_plan.h"
#include "fleet/deployment_state.h"

namespace strandline::fleet {
namespace {

using enum DeviceState;

const Sha256Digest wanted = sha256("wanted");
const Sha256Digest other = sha256("other");
const RowTarget target{"p-1", "face", wanted};

trust::ReportedRelease holding(const Sha256Digest& manifest) {
    return {"face", "1.0.0", "default", manifest, {}};
}

struct SlotOptions {
    std::string state = "idle";
    std::optional<Sha256Digest> active;
    std::optional<Sha256Digest> installing;
    std::optional<std::string> gave_up_in;  ///< stage of an error about the wanted release
};

trust::Report report_of(const SlotOptions& options) {
    trust::ReportedSlot slot;
    slot.slot = "face";
    slot.deployment = "p-1";
    slot.state = options.state;
    if (options.active) slot.active = holding(*options.active);
    slot.target = options.installing;
    slot.progress = 0.5;
    slot.last_update = {1000, 100, 1, 0, 0, 0, 2500};
    if (options.gave_up_in) {
        slot.error = trust::ReportedError{*options.gave_up_in, "wrong_answer", "output 3 differs"};
        slot.refused = wanted;
    }
    trust::Report report;
    report.device = "d-1";
    report.slots = {slot};
    return report;
}

DeploymentRow fresh_row() {
    DeploymentRow row;
    row.device = "d-1";
    return row;
}

TEST(AdvanceRow, BelievesOnlyWhatIsProved) {
    struct Case {
        std::string what;
        DeviceState before;
        SlotOptions report;
        DeviceState after;
    };
    const std::vector<Case> cases{
        {"not begun", pending, {"idle", other, {}, {}}, pending},
        {"begun", pending, {"fetch", other, wanted, {}}, updating},
        {"target named, still idle", pending, {"idle", other, wanted, {}}, updating},
        {"switched, still soaking", updating, {"soak", wanted, wanted, {}}, updating},
        {"converged", updating, {"idle", wanted, {}, {}}, active},
        {"converged between two reports", pending, {"idle", wanted, {}, {}}, active},
        {"idle with another release", updating, {"idle", other, {}, {}}, updating},
        {"self-test failed", updating, {"idle", other, {}, "self_test"}, refused},
        {"fell back in soak", updating, {"idle", other, {}, "soak"}, failed},
        {"fell back after success", active, {"idle", other, {}, "verify"}, failed},
        {"active stays while nothing is said", active, {"idle", other, {}, {}}, active},
        {"healed by itself", refused, {"idle", wanted, {}, {}}, active},
        {"refused stays", refused, {"fetch", other, other, {}}, refused},
        {"cancelled stays", cancelled, {"idle", wanted, {}, {}}, cancelled},
        {"superseded stays", superseded, {"idle", wanted, {}, {}}, superseded},
    };
    for (const auto& c : cases) {
        DeploymentRow row = fresh_row();
        row.state = c.before;
        const auto next = advance_row(row, target, report_of(c.report));
        EXPECT_EQ(next.state, c.after) << c.what << ": " << to_string(next.state);
    }
}

TEST(AdvanceRow, TakesOverProgressReasonsAndBytes) {
    const DeploymentRow row = fresh_row();
    const auto fetching = advance_row(row, target, report_of({"fetch", other, wanted, {}}));
    EXPECT_EQ(fetching.stage, "fetch");
    EXPECT_EQ(fetching.progress, 0.5);
    EXPECT_EQ(fetching.bytes_full, 1000U);
    EXPECT_EQ(fetching.bytes_received, 100U);
    EXPECT_EQ(fetching.duration_ms, 2500);
    const auto gone = advance_row(row, target, report_of({"idle", other, {}, "self_test"}));
    EXPECT_EQ(gone.reason, "wrong_answer");
    EXPECT_EQ(gone.message, "output 3 differs");
    const auto healed = advance_row(gone, target, report_of({"idle", wanted, {}, {}}));
    EXPECT_EQ(healed.reason, "");
    EXPECT_EQ(healed.progress, 1.0);
}

TEST(AdvanceRow, IgnoresOtherDeploymentsAndSlots) {
    const DeploymentRow row = fresh_row();
    auto report = report_of({"idle", wanted, {}, {}});
    report.slots[0].deployment = "p-0";
    EXPECT_EQ(advance_row(row, target, report), row);
    report.slots[0].deployment = "p-1";
    report.slots[0].slot = "hands";
    EXPECT_EQ(advance_row(row, target, report), row);
    report.slots.clear();
    EXPECT_EQ(advance_row(row, target, report), row);
}

TEST(DeploymentState, FollowsFromTheRows) {
    struct Case {
        DeploymentTotals totals;
        DeploymentState state;
    };
    const auto totals = [](std::int64_t p, std::int64_t u, std::int64_t a, std::int64_t r,
                           std::int64_t f, std::int64_t c, std::int64_t s) {
        return DeploymentTotals{p + u + a + r + f + c + s, p, u, a, r, f, c, s, 0, 0};
    };
    for (const auto& c :
         std::vector<Case>{{totals(0, 0, 0, 0, 0, 0, 0), DeploymentState::succeeded},
                           {totals(1, 0, 5, 1, 0, 0, 0), DeploymentState::running},
                           {totals(0, 1, 5, 0, 1, 0, 0), DeploymentState::running},
                           {totals(0, 0, 5, 0, 0, 0, 0), DeploymentState::succeeded},
                           {totals(0, 0, 5, 1, 0, 0, 0), DeploymentState::failed},
                           {totals(0, 0, 5, 0, 1, 0, 2), DeploymentState::failed},
                           {totals(0, 0, 5, 0, 0, 0, 2), DeploymentState::superseded},
                           {totals(0, 0, 5, 0, 0, 1, 0), DeploymentState::succeeded},
                           {totals(0, 0, 0, 0, 0, 1, 0), DeploymentState::cancelled}}) {
        EXPECT_EQ(derive_state(c.totals), c.state) << to_string(derive_state(c.totals));
    }
}

TEST(States, HaveNamesThatReadBack) {
    for (const auto state : {pending, updating, active, refused, failed, cancelled, superseded}) {
        EXPECT_EQ(*device_state_from(to_string(state)), state);
    }
    for (int i = 0; i < 5; ++i) {
        const auto state = static_cast<DeploymentState>(i);
        EXPECT_EQ(*deployment_state_from(to_string(state)), state);
    }
    EXPECT_FALSE(device_state_from("gone"));
    EXPECT_FALSE(deployment_state_from(""));
}

Selector to_cluster(std::string name) {
    Selector selector;
    selector.kind = SelectorKind::cluster;
    selector.cluster = std::move(name);
    return selector;
}

Selector to_all() {
    Selector selector;
    selector.kind = SelectorKind::all;
    return selector;
}

Selector to_labels(std::map<std::string, std::string> labels) {
    Selector selector;
    selector.kind = SelectorKind::labels;
    selector.labels = std::move(labels);
    return selector;
}

Selector to_devices(std::vector<std::string> devices) {
    Selector selector;
    selector.devices = std::move(devices);
    return selector;
}

TEST(Selector, MatchesByWhatADeviceIs) {
    const Traits traits{"d-1", {{"site", "north"}, {"arch", "arm"}}, {"pilot"}};
    struct Case {
        Selector selector;
        bool matches;
    };
    for (const auto& c : std::vector<Case>{{to_all(), true},
                                           {to_cluster("pilot"), true},
                                           {to_cluster("other"), false},
                                           {to_labels({{"site", "north"}}), true},
                                           {to_labels({{"site", "north"}, {"arch", "arm"}}), true},
                                           {to_labels({{"site", "north"}, {"arch", "x86"}}), false},
                                           {to_labels({{"floor", "2"}}), false},
                                           {to_devices({"d-0", "d-1"}), true},
                                           {to_devices({"d-0"}), false}}) {
        EXPECT_EQ(matches(c.selector, traits), c.matches) << to_json(c.selector);
    }
}

TEST(Selector, HasOneTextForEachMeaning) {
    for (const auto& selector :
         {to_all(), to_cluster("a"), to_labels({{"k", "v w"}}), to_devices({"a", "b"})}) {
        EXPECT_EQ(*selector_from_json(to_json(selector)), selector) << to_json(selector);
    }
    EXPECT_EQ(to_json(*selector_from_json(R"({"devices":["b","a","b"]})")),
              R"({"devices":["a","b"]})");
}

TEST(Selector, RefusesWhatMeansNothing) {
    for (const std::string bad :
         {R"({})", R"({"all":false})", R"({"all":true,"cluster":"a"})", R"({"devices":[]})",
          R"({"devices":[1]})", R"({"labels":{}})", R"({"labels":{"k":1}})", R"({"cluster":"a b"})",
          R"({"every":true})", R"([])", R"({"devices":["../x"]})"}) {
        const auto selector = selector_from_json(bad);
        ASSERT_FALSE(selector) << bad;
        EXPECT_EQ(selector.error().code, Errc::invalid) << bad;
    }
}

TEST(Policy, SurvivesItsJson) {
    DeploymentPolicy policy;
    policy.soak = {std::chrono::milliseconds{5000}, 0.25, std::chrono::milliseconds{80}};
    policy.self_test = {std::chrono::milliseconds{1000}, 1U << 30};
    policy.spread = std::chrono::milliseconds{60'000};
    policy.allow_full = false;
    EXPECT_EQ(*deployment_policy_from_json(to_json(policy)), policy);
    EXPECT_EQ(*deployment_policy_from_json("{}"), DeploymentPolicy{});
    EXPECT_FALSE(deployment_policy_from_json(R"({"soak":{"max_error_rate":2}})"));
    EXPECT_FALSE(deployment_policy_from_json(R"({"spread_ms":-1})"));
    EXPECT_FALSE(deployment_policy_from_json(R"({"spread":1})"));
}

Candidate candidate(std::string id, std::int64_t sequence, Selector to, std::string slot = "face") {
    return {std::move(id), sequence, std::move(slot), std::move(to)};
}

TEST(Assignment, GivesTheNewestThatMeansTheDevice) {
    const Traits traits{"d-1", {{"site", "north"}}, {"pilot"}};
    const auto all = candidate("all", 1, to_all());
    const auto pilot = candidate("pilot", 5, to_cluster("pilot"));
    const auto south = candidate("south", 9, to_labels({{"site", "south"}}));
    const auto mine = candidate("mine", 7, to_devices({"d-1"}));
    const auto left = candidate("left", 8, to_cluster("left"));
    const auto hands = candidate("hands", 3, to_all(), "hands");
    struct Case {
        std::string what;
        std::vector<Candidate> standing;  ///< newest first
        std::optional<Candidate> held;
        std::vector<std::string> chosen;
    };
    const std::vector<Case> cases{
        {"nothing stands", {}, {}, {}},
        {"new device", {south, pilot, all}, {}, {"pilot"}},
        {"each slot for itself", {south, pilot, hands, all}, {}, {"pilot", "hands"}},
        {"newer one came", {pilot, all}, all, {"pilot"}},
        {"has it already", {pilot, all}, pilot, {}},
        {"newer personal order stays", {pilot, all}, mine, {}},
        {"no longer meant: falls back", {pilot, all}, left, {"pilot"}},
        {"no longer meant, nothing else: stays", {south}, left, {}},
    };
    for (const auto& c : cases) {
        std::map<std::string, Candidate> current;
        if (c.held) current.emplace(c.held->slot, *c.held);
        std::vector<std::string> chosen;
        for (const auto& item : choose_assignments(traits, c.standing, current)) {
            chosen.push_back(item.deployment);
        }
        EXPECT_EQ(chosen, c.chosen) << c.what;
    }
}

TEST(DeltaPlan, PairsFilesByPathOrRole) {
    registry::Release release;
    release.entry = "model.onnx";
    release.files = {{"labels.txt", 1, sha256("labels 2"), false},
                     {"model.onnx", 1, sha256("model 2"), false}};
    const std::vector<KnownFile> known{{"model.onnx", sha256("model 1"), true},
                                       {"labels.txt", sha256("labels 2"), false},
                                       {"net.onnx", sha256("net 1"), true},
                                       {"notes.txt", sha256("notes"), false},
                                       {"model.onnx", sha256("model 1"), true}};
    const registry::DeltaPair same_path{sha256("model 1"), sha256("model 2")};
    const registry::DeltaPair same_role{sha256("net 1"), sha256("model 2")};
    EXPECT_EQ(plan_deltas(release, known, 10), (std::vector{same_path, same_role}));
    EXPECT_EQ(plan_deltas(release, known, 1), std::vector{same_path});
    EXPECT_TRUE(plan_deltas(release, {}, 10).empty());
}

}  // namespace
}  // namespace strandline::fleet
