#include "hub/jobs/maintenance.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "hub/test_services.h"
#include "trust/report.h"

namespace strandline::hub {
namespace {

TEST(Maintenance, DeviceThatFellSilentIsOfflineOnce) {
    TestServices hub;
    auto& domain = *hub.test.domain;
    hub.test.enrol("a");
    trust::Report report;
    report.device = "a";
    report.boot = 1;
    report.sequence = 1;
    ASSERT_TRUE(domain.fleet.apply_report(report));
    const auto offline_events = [&] {
        const auto events = domain.events.after(0, 1000).value();
        return std::count_if(events.begin(), events.end(),
                             [](const auto& event) { return event.type == "device.offline"; });
    };
    const auto silence = hub.config.effective_presence_silence();
    hub.test.clock.advance(silence);
    ASSERT_TRUE(clean_up(hub.services));
    EXPECT_TRUE(domain.devices.get("a")->online);
    hub.test.clock.advance(std::chrono::milliseconds(1));
    for (int round = 0; round < 2; ++round) {
        const auto done = clean_up(hub.services);
        ASSERT_TRUE(done) << done.error().message;
        EXPECT_EQ(done->devices_silent, round == 0 ? 1U : 0U);
        EXPECT_FALSE(domain.devices.get("a")->online);
        EXPECT_EQ(offline_events(), 1);
    }
    ++report.sequence;
    ASSERT_TRUE(domain.fleet.apply_report(report));
    EXPECT_TRUE(domain.devices.get("a")->online);
}

}  // namespace
}  // namespace strandline::hub
