#include "agent/disk/recovery.h"

#include <gtest/gtest.h>
#include <vector>

namespace strandline::agent {
namespace {

const Sha256Digest a = sha256("a");
const Sha256Digest b = sha256("b");
const Sha256Digest c = sha256("c");
const OrderId order_b{b, "dep-b"};

SlotDisk disk(std::optional<Sha256Digest> active, std::optional<Sha256Digest> previous,
              UpdateState state, const std::optional<OrderId>& order) {
    SlotDisk out;
    out.pointer = {active, previous};
    out.journal.state = state;
    out.journal.order = order;
    return out;
}

/// Every write of an update from a to b, in order, as drive_update() and the states do them.
std::vector<SlotDisk> writes_of_an_update() {
    std::vector<SlotDisk> states{disk(a, {}, UpdateState::idle, {})};
    for (const auto state :
         {UpdateState::plan, UpdateState::fetch, UpdateState::assemble, UpdateState::verify,
          UpdateState::self_test, UpdateState::switch_over}) {
        states.push_back(disk(a, {}, state, order_b));
    }
    auto noted = states.back();
    noted.journal.unproven = b;
    states.push_back(noted);
    noted.pointer = pointer_after_switch(noted, b);
    states.push_back(noted);
    noted.journal.state = UpdateState::soak;
    states.push_back(noted);
    return states;
}

TEST(Recovery, PlansAnewAfterACutBeforeTheSwitchAndSoaksAfterACutBehindIt) {
    for (const auto& cut : writes_of_an_update()) {
        SCOPED_TRACE(to_string(cut.journal.state));
        const auto recovered = recover(cut, {a, b});
        EXPECT_EQ(recovered.disk.pointer, cut.pointer);
        EXPECT_FALSE(recovered.problem);
        EXPECT_TRUE(recovered.damaged.empty());
        const bool switched = cut.pointer.active == b;
        const auto expected = !cut.journal.order ? UpdateState::idle
                              : switched         ? UpdateState::soak
                                                 : UpdateState::plan;
        EXPECT_EQ(recovered.disk.journal.state, expected);
        EXPECT_EQ(recovered.disk.journal.order, cut.journal.order);
    }
}

TEST(Recovery, ChangesNothingWhenAppliedToItsOwnResult) {
    for (const auto& cut : writes_of_an_update()) {
        for (const auto& intact :
             {std::set{a, b}, std::set{a}, std::set{b}, std::set<Sha256Digest>{}}) {
            const auto once = recover(cut, intact);
            const auto twice = recover(once.disk, intact);
            EXPECT_EQ(twice.disk, once.disk) << to_string(cut.journal.state);
            EXPECT_FALSE(twice.pointer_changed);
        }
    }
}

TEST(Recovery, NeverPointsToWhatIsDamaged) {
    for (const auto& cut : writes_of_an_update()) {
        for (const auto& intact :
             {std::set{a, b}, std::set{a}, std::set{b}, std::set<Sha256Digest>{}}) {
            const auto out = recover(cut, intact).disk.pointer;
            EXPECT_TRUE(!out.active || intact.contains(*out.active));
            EXPECT_TRUE(!out.previous || intact.contains(*out.previous));
            // What is intact and was active is never given up.
            if (intact.contains(*cut.pointer.active)) {
                EXPECT_EQ(out.active, cut.pointer.active);
            }
        }
    }
}

TEST(Recovery, ServesThePreviousReleaseInPlaceOfADamagedOne) {
    const auto out = recover(disk(b, a, UpdateState::idle, {}), {a});
    EXPECT_EQ(out.disk.pointer, (SlotPointer{a, std::nullopt}));
    EXPECT_TRUE(out.pointer_changed);
    EXPECT_EQ(out.damaged, std::set{b});
    ASSERT_TRUE(out.problem);
    EXPECT_EQ(out.problem->reason, "corrupt");
}

TEST(Recovery, FinishesARollBackOnWhicheverSideOfThePointerItWasCut) {
    for (const auto& active : {b, a}) {
        auto cut = disk(active, active == b ? std::optional(a) : std::nullopt,
                        UpdateState::roll_back, order_b);
        cut.journal.failure = trust::ReportedError{"soak", "soak_errors", "x"};
        const auto out = recover(cut, {a, b});
        EXPECT_EQ(out.disk.journal.state, UpdateState::roll_back);
        EXPECT_EQ(out.disk.journal.failure, cut.journal.failure);
    }
}

TEST(Recovery, GivesUpAReleaseWhoseLoadingKeepsEndingTheAgent) {
    struct Row {
        unsigned attempts;
        bool gives_up;
    };
    for (const auto& row :
         {Row{0, false}, Row{max_load_attempts - 1, false}, Row{max_load_attempts, true}}) {
        auto cut = disk(b, a, UpdateState::soak, order_b);
        cut.journal.load_attempts = row.attempts;
        const auto out = recover(cut, {a, b});
        EXPECT_EQ(out.disk.pointer.active, row.gives_up ? a : b);
        EXPECT_EQ(out.disk.journal.refusal.has_value(), row.gives_up);
        if (row.gives_up) {
            EXPECT_EQ(out.disk.journal.refusal->order, order_b);
            EXPECT_EQ(out.disk.journal.refusal->error.reason, "crash_loop");
            EXPECT_EQ(out.disk.journal.state, UpdateState::idle);
        }
    }
}

TEST(PointerAfterSwitch, KeepsTheLastProvenReleaseAsTheWayBack) {
    auto proven = disk(a, {}, UpdateState::switch_over, order_b);
    EXPECT_EQ(pointer_after_switch(proven, b), (SlotPointer{b, a}));
    auto unproven = disk(b, a, UpdateState::switch_over, OrderId{c, "dep-c"});
    unproven.journal.unproven = b;
    EXPECT_EQ(pointer_after_switch(unproven, c), (SlotPointer{c, a}));
    EXPECT_EQ(pointer_after_switch(unproven, a), (SlotPointer{a, b}));
    EXPECT_EQ(pointer_after_switch(unproven, b), unproven.pointer);
    EXPECT_EQ(pointer_after_switch(SlotDisk{}, a), (SlotPointer{a, std::nullopt}));
}

UpdateJournal full_journal() {
    UpdateJournal journal;
    journal.state = UpdateState::roll_back;
    journal.order = order_b;
    journal.entered = {{UpdateState::fetch, 2}, {UpdateState::soak, 1}};
    journal.no_delta = {"model.onnx", "a/b"};
    journal.failure = trust::ReportedError{"soak", "soak_latency", "slow"};
    journal.totals = {1, 2, 3, 4, 5, 6, 7};
    journal.unproven = b;
    journal.unproven_deployment = "dep-b";
    journal.soaked = std::chrono::minutes{3};
    journal.completed = OrderId{a, "dep-a"};
    journal.refusal = Refusal{OrderId{c, ""}, {"plan", "untrusted", "who?"}};
    journal.self_test = "passed";
    journal.load_attempts = 2;
    return journal;
}

TEST(Records, ComeBackAsTheyWere) {
    EXPECT_EQ(journal_from_json(to_json(full_journal())).value(), full_journal());
    EXPECT_EQ(journal_from_json(to_json(UpdateJournal{})).value(), UpdateJournal{});
    EXPECT_EQ(to_json(UpdateJournal{}).find("soaked"), std::string::npos)
        << "versions that do not know it read the others";
    for (const auto& pointer : {SlotPointer{}, SlotPointer{a, std::nullopt}, SlotPointer{a, b}}) {
        EXPECT_EQ(pointer_from_json(to_json(pointer)).value(), pointer);
    }
    const DeviceRecord record{7, a, 3, WallTime{std::chrono::milliseconds{1'767'225'600'123}}};
    EXPECT_EQ(device_record_from_json(to_json(record)).value(), record);
    const PartialRecord partial{"/v1/blobs/x", "\"e\"", 9};
    EXPECT_EQ(partial_from_json(to_json(partial)).value(), partial);
}

TEST(Records, AreRefusedWhenCutOrChangedBeyondMeaning) {
    const auto whole = to_json(full_journal());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(journal_from_json(std::string_view(whole).substr(0, size))) << size;
    }
    for (const auto* bad : {R"({"state":"dancing"})", R"({"state":"idle","entered":{"fetch":-1}})",
                            R"({"state":"idle","unproven":"zz"})",
                            R"({"state":"idle","surprise":1})", "[]", "null"}) {
        EXPECT_FALSE(journal_from_json(bad)) << bad;
    }
    EXPECT_FALSE(pointer_from_json(R"({"active":"00"})"));
}

TEST(UpdateStateNames, AreReadBack) {
    for (std::size_t i = 0; i < update_state_count; ++i) {
        const auto state = static_cast<UpdateState>(i);
        EXPECT_EQ(update_state_from_string(to_string(state)), state);
    }
    EXPECT_FALSE(update_state_from_string(""));
}

}  // namespace
}  // namespace strandline::agent
