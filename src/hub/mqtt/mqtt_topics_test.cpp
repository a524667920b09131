#include "hub/mqtt/mqtt_topics.h"

#include <gtest/gtest.h>

namespace strandline::hub {
namespace {

TEST(MqttTopics, FollowTheContract) {
    const MqttTopics topics("strandline/v1");
    EXPECT_EQ(topics.desired("d-1"), "strandline/v1/d/d-1/down/desired");
    EXPECT_EQ(topics.command("d-1", "report"), "strandline/v1/d/d-1/down/cmd/report");
    EXPECT_EQ(topics.state("d-1"), "strandline/v1/d/d-1/up/state");
    EXPECT_EQ(topics.announce(), "strandline/v1/b/announce");
    EXPECT_EQ(topics.shared_reports(), "$share/hub/strandline/v1/d/+/up/reported");
}

TEST(MqttTopics, UpwardTopicsNameTheDevice) {
    const MqttTopics topics("a/b");
    const auto parsed = topics.parse("a/b/d/dev/up/telemetry/x");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->device, "dev");
    EXPECT_EQ(parsed->name, "telemetry/x");
}

TEST(MqttTopics, OtherTopicsAreNotUpward) {
    const MqttTopics topics("a");
    for (const auto* topic :
         {"", "a", "a/d", "a/d/", "a/d//up/state", "a/d/x", "a/d/x/up", "a/d/x/up/",
          "a/d/x/down/desired", "b/d/x/up/state", "a/d/x/upstate"}) {
        EXPECT_FALSE(topics.parse(topic)) << topic;
    }
}

}  // namespace
}  // namespace strandline::hub
