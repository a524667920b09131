#include "hub/broker/mute_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strandline::hub {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr MuteList::Spans spans{
    .first = milliseconds{100}, .longest = milliseconds{300}, .memory = milliseconds{1000}};

TEST(MuteList, EndsByItself) {
    FakeClock clock;
    MuteList list(spans, clock);
    EXPECT_THAT(list.names(), IsEmpty());
    EXPECT_EQ(list.add("b"), milliseconds{100});
    EXPECT_EQ(list.add("b"), milliseconds{0}) << "muted already";
    clock.advance(milliseconds{50});
    EXPECT_EQ(list.add("a"), milliseconds{100});
    EXPECT_THAT(list.names(), ElementsAre("a", "b"));
    clock.advance(milliseconds{50});
    EXPECT_THAT(list.names(), ElementsAre("a"));
}

TEST(MuteList, TakesLongerEachTimeUntilItIsForgotten) {
    FakeClock clock;
    MuteList list(spans, clock);
    for (const int span : {100, 200, 300, 300}) {
        EXPECT_EQ(list.add("a"), milliseconds{span});
        clock.advance(milliseconds{span});
    }
    clock.advance(milliseconds{1000});
    EXPECT_EQ(list.add("a"), milliseconds{100});
}

}  // namespace
}  // namespace strandline::hub
