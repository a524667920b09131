#include "hub/broker/gatekeeper.h"

#include <gtest/gtest.h>

#include "hub/test_domain.h"

namespace strandline::hub {
namespace {

TEST(Gatekeeper, CutsAgainOnceALateRevocationIsKnownToTheBroker) {
    TestDomain world;
    // Never runs: what is spawned on it only counts.
    net::Runtime runtime({.worker_threads = 1});
    Metrics metrics;
    const auto authority =
        trust::CertificateAuthority::open_or_create(world.folder.path() / "ca", "CA", world.clock)
            .value();
    Status spread = fail(Errc::timeout, "the broker is busy");
    int cuts = 0;
    Gatekeeper gatekeeper({.runtime = runtime,
                           .authority = *authority,
                           .events = world.domain->events,
                           .metrics = metrics,
                           .clock = world.clock,
                           .spans = {},
                           .spread_revocations = [&] { return spread; },
                           .cut =
                               [&] {
                                   ++cuts;
                                   return SessionCut{};
                               }});
    gatekeeper.revoked("a");
    EXPECT_EQ(cuts, 1);
    EXPECT_FALSE(gatekeeper.settle());
    spread = {};
    const int before = cuts;
    EXPECT_TRUE(gatekeeper.settle());
    EXPECT_EQ(cuts, before + 1) << "it may have come back meanwhile";
    EXPECT_TRUE(gatekeeper.settle());
    EXPECT_EQ(cuts, before + 1);
}

}  // namespace
}  // namespace strandline::hub
