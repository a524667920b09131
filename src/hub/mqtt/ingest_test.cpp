#include "hub/mqtt/ingest.h"

#include <gtest/gtest.h>

#include "hub/test_domain.h"
#include "trust/report.h"

namespace strandline::hub {
namespace {

UpMessage state(std::string device, std::string_view word, int boot) {
    return {.device = std::move(device),
            .name = "state",
            .payload =
                "{\"state\":\"" + std::string(word) + "\",\"boot\":" + std::to_string(boot) + "}"};
}

UpMessage reported(const std::string& device, std::int64_t boot, std::int64_t sequence,
                   const std::string& topic_device = {}) {
    trust::Report report;
    report.device = device;
    report.boot = boot;
    report.sequence = sequence;
    report.agent_version = "1." + std::to_string(sequence);
    return {.device = topic_device.empty() ? device : topic_device,
            .name = "reported",
            .payload = trust::to_json(report)};
}

class IngestTest : public testing::Test {
protected:
    IngestTest() {
        test.enrol("a");
        test.enrol("b");
    }
    IngestOutcome apply(const std::vector<UpMessage>& batch) {
        const auto outcome = apply_batch(*test.domain, batch);
        EXPECT_TRUE(outcome) << outcome.error().message;
        return outcome.value_or(IngestOutcome{});
    }
    fleet::Device device(const std::string& id) { return test.domain->devices.get(id).value(); }

    TestDomain test;
};

TEST_F(IngestTest, PresenceAndReportsReachTheDatabase) {
    apply({state("a", "online", 1), reported("a", 1, 1), reported("b", 1, 1), reported("a", 1, 2)});
    EXPECT_TRUE(device("a").online);
    EXPECT_EQ(device("a").agent_version, "1.2");
    EXPECT_EQ(device("b").agent_version, "1.1");
}

TEST_F(IngestTest, LastWordOfABatchDecidesPresence) {
    apply({state("a", "online", 1), reported("a", 1, 1), state("a", "offline", 1)});
    EXPECT_FALSE(device("a").online);
    apply({state("a", "offline", 1), state("a", "online", 2), reported("a", 2, 1)});
    EXPECT_TRUE(device("a").online);
}

TEST_F(IngestTest, LateWillOfAnOlderBootIsIgnored) {
    apply({state("a", "online", 5)});
    apply({state("a", "offline", 4)});
    EXPECT_TRUE(device("a").online);
}

TEST_F(IngestTest, DeviceCannotSpeakForAnother) {
    const auto outcome = apply({reported("a", 1, 1, "b")});
    EXPECT_EQ(outcome.rejected, 1U);
    EXPECT_EQ(device("a").agent_version, "");
}

TEST_F(IngestTest, JunkIsCountedAndHarmsNobody) {
    const auto outcome =
        apply({{.device = "a", .name = "state", .payload = "{"},
               {.device = "a", .name = "state", .payload = "{\"state\":\"up\",\"boot\":1}"},
               {.device = "a", .name = "reported", .payload = "[]"},
               state("b", "online", 1)});
    EXPECT_EQ(outcome.rejected, 3U);
    EXPECT_TRUE(device("b").online);
}

TEST_F(IngestTest, TextWithNulIsRejected) {
    auto guilty = reported("a", 1, 1);
    const auto at = guilty.payload.find("1.1");
    ASSERT_NE(at, std::string::npos);
    guilty.payload.insert(at, "\\u0000");
    const auto outcome = apply({guilty, reported("b", 1, 1)});
    EXPECT_EQ(outcome.rejected, 1U);
    EXPECT_EQ(device("a").agent_version, "");
    EXPECT_EQ(device("b").agent_version, "1.1");
}

TEST_F(IngestTest, WhatTheDatabaseRefusesCostsNobodyElsesMessages) {
    apply({state("a", "online", 1), state("b", "online", 1)});
    ASSERT_TRUE(test.database->write<std::int64_t>([](store::Transaction& t) {
        return t.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON devices WHEN NEW.id = 'a' "
            "BEGIN SELECT RAISE(ABORT, 'never'); END",
            {});
    }));
    const auto outcome = apply({reported("b", 1, 1), reported("a", 1, 1), reported("b", 1, 2),
                                state("a", "offline", 1), state("b", "offline", 1)});
    EXPECT_EQ(outcome.rejected, 2U);
    EXPECT_TRUE(device("a").online);
    EXPECT_EQ(device("b").agent_version, "1.2");
    EXPECT_FALSE(device("b").online);
}

TEST_F(IngestTest, LateWillInOneBatchIsIgnored) {
    apply({state("a", "online", 5), state("a", "offline", 4)});
    EXPECT_TRUE(device("a").online);
}

/// Everything that waits is worked off, then the queue ends.
void drain(net::Runtime& runtime, Ingest& ingest) {
    ingest.on_outcome = [&](const IngestOutcome&) {
        ingest.stop();
        runtime.stop();
    };
    runtime.spawn(ingest.run());
    runtime.run();
}

TEST_F(IngestTest, OfEachDeviceOnlyTheNewestMessageWaits) {
    net::Runtime runtime({});
    Metrics metrics;
    Ingest ingest(runtime, *test.domain, metrics, 3);
    ingest.push(state("b", "online", 1));
    ingest.push(reported("b", 1, 1));
    // A flood by one device takes one place of three.
    for (int i = 1; i <= 1000; ++i) ingest.push(reported("a", 1, i));
    drain(runtime, ingest);
    EXPECT_EQ(device("a").agent_version, "1.1000");
    EXPECT_EQ(device("b").agent_version, "1.1");
    EXPECT_TRUE(device("b").online);
    EXPECT_EQ(metrics.counter("strandline_ingest_dropped_total", "").value(), 0U);
    EXPECT_EQ(metrics.counter("strandline_ingest_replaced_total", "").value(), 999U);
}

TEST_F(IngestTest, LateWillDoesNotReplaceANewerBootThatWaits) {
    net::Runtime runtime({});
    Metrics metrics;
    Ingest ingest(runtime, *test.domain, metrics, 3);
    ingest.push(state("a", "online", 5));
    ingest.push(state("a", "offline", 4));
    ingest.push({.device = "a", .name = "state", .payload = "garbage"});
    drain(runtime, ingest);
    EXPECT_TRUE(device("a").online);
}

TEST_F(IngestTest, TheOldestGoesWhenTooManyWait) {
    net::Runtime runtime({});
    Metrics metrics;
    Ingest ingest(runtime, *test.domain, metrics, 1);
    ingest.push(reported("a", 1, 1));
    ingest.push(reported("b", 1, 1));
    drain(runtime, ingest);
    EXPECT_EQ(device("a").agent_version, "");
    EXPECT_EQ(device("b").agent_version, "1.1");
    EXPECT_EQ(metrics.counter("strandline_ingest_dropped_total", "").value(), 1U);
}

TEST_F(IngestTest, UnknownDevicesAreNamed) {
    const auto outcome = apply({state("gone", "online", 1)});
    EXPECT_EQ(outcome.unknown, std::vector<std::string>{"gone"});
}

}  // namespace
}  // namespace strandline::hub
