#include <gtest/gtest.h>

#include "net/mqtt_client.h"

namespace strandline::net {
namespace {

TEST(TopicMatches, FollowsSection47) {
    struct Case {
        std::string_view filter;
        std::string_view topic;
        bool matches;
    };
    constexpr Case cases[] = {
        {"a/b", "a/b", true},
        {"a/b", "a/b/c", false},
        {"a/b/c", "a/b", false},
        {"a", "A", false},
        {"sport/tennis/player1/#", "sport/tennis/player1", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
        {"sport/tennis/player1/#", "sport/tennis/player2", false},
        {"sport/#", "sport", true},
        {"sport/#", "sports", false},
        {"#", "a/b", true},
        {"sport/tennis/+", "sport/tennis/player1", true},
        {"sport/tennis/+", "sport/tennis/player1/ranking", false},
        {"sport/+", "sport", false},
        {"sport/+", "sport/", true},
        {"+/+", "/finance", true},
        {"/+", "/finance", true},
        {"+", "/finance", false},
        {"a/+/c", "a/b/c", true},
        {"a/+/c", "a//c", true},
        {"a/+/#", "a/b", true},
        {"a/+/#", "a", false},
        {"#", "$SYS/uptime", false},
        {"+/uptime", "$SYS/uptime", false},
        {"$SYS/#", "$SYS/uptime", true},
        {"", "a", false},
        {"a", "", false},
        {"a/#/b", "a/x/b", false},
    };
    for (const auto& test : cases) {
        EXPECT_EQ(topic_matches(test.filter, test.topic), test.matches)
            << test.filter << " on " << test.topic;
    }
}

}  // namespace
}  // namespace strandline::net
