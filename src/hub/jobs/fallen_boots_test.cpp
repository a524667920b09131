#include "hub/jobs/fallen_boots.h"

#include <gtest/gtest.h>

namespace strandline::hub {
namespace {

TEST(FallenBoots, CountsEachReport) {
    Metrics metrics;
    const FakeClock clock;
    FallenBoots fallen(metrics, clock);
    fallen.dropped("cam-1");
    fallen.dropped("cam-1");
    EXPECT_NE(metrics.text().find("strandline_reports_fallen_boot_total 2"), std::string::npos)
        << metrics.text();
}

}  // namespace
}  // namespace strandline::hub
