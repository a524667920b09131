#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

#include "trust/desired_state.h"
#include "trust/report.h"
#include "trust/test_samples.h"

namespace strandline::trust {
namespace {

using ::testing::HasSubstr;

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

struct Change {
    std::string from;
    std::string_view to;
    std::string_view word;
};

TEST(DesiredState, HasTheGoldenForm) {
    const auto json = to_json(test::sample_desired());
    EXPECT_EQ(json, test::golden("desired.json", json));
}

TEST(DesiredState, ComesBackEqual) {
    const auto read = desired_state_from_json(to_json(test::sample_desired()));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, test::sample_desired());
    DesiredState empty;
    empty.device = "d";
    empty.issued = "2026-01-01T00:00:00Z";
    EXPECT_EQ(*desired_state_from_json(to_json(empty)), empty);
}

TEST(DesiredState, FieldsOfANewerHubAreIgnoredAndANewerFormatRefused) {
    const auto json = to_json(test::sample_desired());
    EXPECT_TRUE(
        desired_state_from_json(replaced(json, "\"spread_ms\"", "\"later\":[1],\"spread_ms\"")));
    const auto newer = desired_state_from_json(replaced(json, "\"format\":1", "\"format\":2"));
    ASSERT_FALSE(newer);
    EXPECT_THAT(newer.error().message, HasSubstr("update the program"));
}

TEST(DesiredState, RefusesHostileInput) {
    const auto json = to_json(test::sample_desired());
    const Change changes[] = {
        {"\"field-7\"", "\"../7\"", "device"},
        {"\"field-7\"", "7", "device"},
        {"42", "-1", "generation"},
        {"42", "1e99", "generation"},
        {"2026-11-21T12:00:00.000Z", "yesterday", "issued"},
        {"300000", "999999999999", "spread_ms"},
        {"\"slots\":[{\"slot\":\"leaf\"", "\"slots\":[{\"slot\":\"a/b\"", "slot"},
        {"1.25E-1", "1.5", "max_error_rate"},
        {"1.25E-1", "-0.1", "max_error_rate"},
        {"60000", "0", "timeout_ms"},
        {"268435456", "-5", "memory_bytes"},
        {"false", "\"no\"", "allow_full"},
        {"\"slots\":[", "\"slots\":[7,", "slots[0]"},
        {sha256("manifest").hex().substr(0, 8), "XYZ", "manifest"},
        {"\"dep-1\"", "\"a b\"", "deployment"},
    };
    for (const auto& change : changes) {
        const auto read = desired_state_from_json(replaced(json, change.from, change.to));
        ASSERT_FALSE(read) << change.to;
        EXPECT_EQ(read.error().code, Errc::invalid);
        EXPECT_THAT(read.error().message, HasSubstr(change.word));
    }
    auto twice = test::sample_desired();
    twice.slots.push_back(twice.slots[0]);
    EXPECT_THAT(desired_state_from_json(to_json(twice)).error().message, HasSubstr("twice"));
    auto many = test::sample_desired();
    many.slots.resize(65, many.slots[0]);
    EXPECT_THAT(desired_state_from_json(to_json(many)).error().message, HasSubstr("64"));
}

TEST(Report, HasTheGoldenForm) {
    const auto json = to_json(test::sample_report());
    EXPECT_EQ(json, test::golden("report.json", json));
}

TEST(Report, ComesBackEqual) {
    const auto read = report_from_json(to_json(test::sample_report()));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, test::sample_report());
    Report bare;
    bare.device = "d";
    EXPECT_EQ(*report_from_json(to_json(bare)), bare);
}

TEST(Report, IsReadableWhateverAnAgentPutsIn) {
    auto report = test::sample_report();
    report.slots[0].error->message = "path \xff\xfe " + std::string(5000, 'x');
    report.slots[0].not_serving_reason = std::string("cut\0here", 8);
    report.slots[0].progress = std::numeric_limits<double>::quiet_NaN();
    report.slots[0].inferences = std::numeric_limits<std::uint64_t>::max();
    report.resources.temperature_celsius = std::numeric_limits<double>::infinity();
    const auto read = report_from_json(to_json(report));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->slots[0].error->message.size(), 1024U);
    EXPECT_EQ(read->slots[0].not_serving_reason, "cut?here");
    EXPECT_EQ(read->slots[0].progress, 0.0);
    EXPECT_EQ(read->slots[0].inferences, std::uint64_t{1} << 53);
}

TEST(Report, RefusesHostileInput) {
    const auto json = to_json(test::sample_report());
    EXPECT_TRUE(report_from_json(replaced(json, "\"boot\"", "\"later\":{},\"boot\"")))
        << "of a newer agent";
    const Change changes[] = {
        {"\"field-7\"", "\"a b\"", "device"},
        {"\"boot\":3", "\"boot\":-3", "boot"},
        {"\"sequence\":17", "\"sequence\":\"17\"", "sequence"},
        {"\"slots\":[", "\"slots\":[null,", "slots[0]"},
        {"\"progress\":5E-1", "\"progress\":2", "progress"},
        {"\"model.onnx\"", "\"../model.onnx\"", "active"},
        {sha256("model").hex().substr(0, 8), "XYZ", "files"},
        {"\"reason\":\"wrong_answer\"", "\"reason\":[]", "error.reason"},
        {"\"cpus\":4", "\"cpus\":-4", "resources.cpus"},
        {"\"temperature_celsius\":5.15E1", "\"temperature_celsius\":\"hot\"",
         "temperature_celsius"},
        {"\"format\":1", "\"format\":0", "format"},
        {"\"agent_version\":\"", "\"agent_version\":\"\\u0000", "agent_version holds a NUL"},
        {"\"arch\":\"", "\"arch\":\"\\u0000", "arch holds a NUL"},
        {"\"state\":\"", "\"state\":\"\\u0000", "state holds a NUL"},
        {"\"version\":\"", "\"version\":\"\\u0000", "version holds a NUL"},
        {"\"reason\":\"", "\"reason\":\"\\u0000", "reason holds a NUL"},
        {"\"message\":\"", "\"message\":\"\\u0000", "message holds a NUL"},
        {"\"model.onnx\"", "\"model.onnx\\u0000\"", "files holds a NUL"},
    };
    for (const auto& change : changes) {
        const auto read = report_from_json(replaced(json, change.from, change.to));
        ASSERT_FALSE(read) << change.to;
        EXPECT_EQ(read.error().code, Errc::invalid);
        EXPECT_THAT(read.error().message, HasSubstr(change.word));
    }
    EXPECT_FALSE(report_from_json(std::string(100'000, '[')));
    EXPECT_FALSE(report_from_json(std::string((1 << 20) + 1, ' ')));
}

TEST(Documents, NoPrefixOrChangedByteCrashes) {
    for (const auto& json : {to_json(test::sample_report()), to_json(test::sample_desired())}) {
        for (std::size_t i = 0; i < json.size(); ++i) {
            EXPECT_FALSE(report_from_json(json.substr(0, i)));
            EXPECT_FALSE(desired_state_from_json(json.substr(0, i)));
            auto changed = json;
            changed[i] = static_cast<char>(changed[i] ^ 0x11);
            ignore(report_from_json(changed), "must only not crash");
            ignore(desired_state_from_json(changed), "must only not crash");
        }
    }
}

}  // namespace
}  // namespace strandline::trust
