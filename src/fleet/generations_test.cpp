#include "fleet/test_fleet.h"

// Devices never accept an older generation; databases do go back when they are restored.
namespace strandline::fleet {
namespace {

using test::must;
using test::to_all;

class Generations : public test::FleetTest {
protected:
    void SetUp() override {
        push("1.0.0");
        push("2.0.0");
        enrol("cam-1");
        enrol("cam-2");
    }
};
STRANDLINE_ON_EVERY_DATABASE(Generations);

TEST_P(Generations, StartAboveTheFloor) {
    deploy("1.0.0", to_all());
    must(fleet.raise_generations(5000));
    EXPECT_EQ(desired("cam-1").generation, 1) << "nothing new was ordered yet";
    EXPECT_EQ(must(fleet.sign_again("", 10)), (Ids{"cam-1", "cam-2"}));
    EXPECT_EQ(desired("cam-1").generation, 5001);
    EXPECT_EQ(wanted("cam-1"), "1.0.0");
    deploy("2.0.0", to_all());
    EXPECT_EQ(desired("cam-1").generation, 5002);
    // A device that this database never knew may have seen more than it.
    enrol("cam-3");
    EXPECT_EQ(desired("cam-3").generation, 5001);
}

TEST_P(Generations, TheFloorNeverSinks) {
    must(fleet.raise_generations(5000));
    must(fleet.raise_generations(20));
    deploy("1.0.0", to_all());
    EXPECT_EQ(desired("cam-1").generation, 5001);
}

TEST_P(Generations, GoAboveWhatADeviceHasSeen) {
    deploy("1.0.0", to_all());
    const std::vector published{must(desired_states.get("cam-1"))};
    must(desired_states.mark_published(published));
    auto ahead = report("cam-1", {});
    ahead.generation = 7;
    EXPECT_TRUE(must(fleet.apply_report(ahead)).behind);
    EXPECT_EQ(desired("cam-1").generation, 8);
    EXPECT_EQ(wanted("cam-1"), "1.0.0");
    EXPECT_EQ(desired("cam-2").generation, 1);
    const auto waiting = must(desired_states.unpublished(10));
    EXPECT_EQ(waiting.at(0).device, "cam-1");

    auto caught_up = report("cam-1", {});
    EXPECT_FALSE(must(fleet.apply_report(caught_up)).behind);
    EXPECT_EQ(desired("cam-1").generation, 8);
}

TEST_P(Generations, AReportThatIsOutOfAllBoundsChangesNothing) {
    deploy("1.0.0", to_all());
    auto mad = report("cam-1", {});
    mad.generation = (std::int64_t{1} << 52) + 1;
    must(fleet.apply_report(mad));
    EXPECT_EQ(desired("cam-1").generation, 1);
}

TEST_P(Generations, ADeviceWithoutOrdersMaySayWhatItLikes) {
    auto ahead = report("cam-1", {});
    ahead.generation = 7;
    EXPECT_FALSE(must(fleet.apply_report(ahead)).behind);
    EXPECT_EQ(test::code_of(desired_states.get("cam-1")), Errc::not_found);
}

}  // namespace
}  // namespace strandline::fleet
