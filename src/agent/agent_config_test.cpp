#include "agent/agent_config.h"

#include <cstdlib>
#include <gtest/gtest.h>

#include "agent/command_line.h"
#include "agent/hub/messages.h"
#include "agent/hub/renewal.h"
#include "agent/resources.h"
#include "agent/updater.h"

namespace strandline::agent {
namespace {

TEST(AgentConfigFile, ExampleHoldsTheDefaults) {
    const auto example =
        load_agent_config(std::filesystem::path(STRANDLINE_SOURCE_DIR) / "examples" / "agent.toml");
    ASSERT_TRUE(example) << example.error().message;
    const AgentConfig defaults;
    EXPECT_EQ(example->hub.poll_interval, defaults.hub.poll_interval);
    EXPECT_EQ(example->hub.report_interval, defaults.hub.report_interval);
    EXPECT_EQ(example->serve.port, defaults.serve.port);
    EXPECT_EQ(example->serve.address, defaults.serve.address);
    EXPECT_EQ(example->serve.max_pending, defaults.serve.max_pending);
    EXPECT_EQ(example->transfer.max_bytes_per_second, defaults.transfer.max_bytes_per_second);
    EXPECT_EQ(example->transfer.retry_base, defaults.transfer.retry_base);
    EXPECT_EQ(example->transfer.retry_cap, defaults.transfer.retry_cap);
    EXPECT_EQ(example->transfer.idle_timeout, defaults.transfer.idle_timeout);
    EXPECT_EQ(example->self_test.memory_bytes, defaults.self_test.memory_bytes);
    EXPECT_EQ(example->self_test.process_settle, defaults.self_test.process_settle);
    EXPECT_EQ(example->soak.min_failures, defaults.soak.min_failures);
    EXPECT_EQ(example->soak.min_samples, defaults.soak.min_samples);
    EXPECT_EQ(example->process.open_files, defaults.process.open_files);
}

TEST(AgentConfigFile, RefusesWhatItDoesNotKnowAndSaysWhere) {
    for (const auto* text : {"surprise = 1", "[hub]\nsurprise = 1", "[serve]\nport = 65536",
                             "[serve]\nport = \"x\"", "[serve]\naddress = \"\"",
                             "[transfer]\nretry_base_ms = 0", "[log]\nlevel = \"loud\"", "[hub"}) {
        const auto config = parse_agent_config(text, "agent.toml");
        ASSERT_FALSE(config) << text;
        EXPECT_NE(config.error().message.find("agent.toml"), std::string::npos)
            << config.error().message;
    }
}

TEST(AgentConfigFile, EnvironmentWinsOverTheFile) {
    ::setenv("STRANDLINE_AGENT_SERVE_PORT", "0", 1);
    const auto config = parse_agent_config("[serve]\nport = 9000", "agent.toml");
    ::unsetenv("STRANDLINE_AGENT_SERVE_PORT");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->serve.port, 0);
}

TEST(AgentCommandLine, ReadsEveryForm) {
    const auto line = parse_command_line(
        {"enroll", "--hub", "https://h", "--token=@f", "--label", "site=a=b", "--name", "n"});
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_EQ(line->hub, "https://h");
    EXPECT_EQ(line->token, "@f");
    EXPECT_EQ(line->labels.at("site"), "a=b");
    EXPECT_EQ(parse_command_line({"run", "--state", "/s"})->state, "/s");
    EXPECT_EQ(parse_command_line({"run", "--help"})->command, CommandLine::Command::help);
    EXPECT_DOUBLE_EQ(
        parse_command_line({"selftest", "--entry", "m", "--absolute", "1e-3"})->job.absolute, 1e-3);
}

TEST(AgentCommandLine, NamesWhatIsWrong) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
        {{}, "--help"},
        {{"fly"}, "fly"},
        {{"run", "--hub", "x"}, "--hub"},
        {{"run", "--state"}, "--state"},
        {{"enroll", "--token", "t"}, "--hub"},
        {{"enroll", "--hub", "h"}, "--token"},
        {{"enroll", "--hub", "h", "--token", "t", "--label", "x"}, "--label"},
        {{"selftest"}, "--entry"},
        {{"selftest", "--entry", "e", "--absolute", "abc"}, "abc"},
    };
    for (const auto& [arguments, word] : rows) {
        const auto line = parse_command_line(arguments);
        ASSERT_FALSE(line);
        EXPECT_EQ(line.error().code, Errc::invalid);
        EXPECT_NE(line.error().message.find(word), std::string::npos) << line.error().message;
    }
}

TEST(Resources, AreReadFromTheKernelsText) {
    const auto ticks = parse_cpu_ticks("cpu  10 20 30 40 50 6 7 8 9 9\ncpu0 1\n");
    ASSERT_TRUE(ticks);
    EXPECT_EQ(ticks->total, 171U);
    EXPECT_EQ(ticks->busy, 81U);
    EXPECT_FALSE(parse_cpu_ticks("intr 1"));
    EXPECT_FALSE(parse_cpu_ticks("cpu 1 x"));
    const std::string_view meminfo = "MemTotal:  2048 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\n";
    EXPECT_EQ(parse_meminfo(meminfo, "MemTotal"), 2048U * 1024);
    EXPECT_EQ(parse_meminfo(meminfo, "MemAvailable"), 1024U * 1024);
    EXPECT_FALSE(parse_meminfo(meminfo, "Available"));
    ResourceSampler sampler(std::filesystem::temp_directory_path());
    const auto sample = sampler.sample();
    EXPECT_GT(sample.memory_bytes, 0U);
    EXPECT_GT(sample.disk_bytes, 0U);
    EXPECT_FALSE(sample.arch.empty());
}

TEST(Renewal, ComesAtTwoThirdsOfTheLife) {
    const WallTime start{std::chrono::seconds{1'000}};
    EXPECT_EQ(renewal_time(start, start + std::chrono::days{90}), start + std::chrono::days{60});
}

TEST(Spread, IsStableWithinTheWindowAndEven) {
    using std::chrono::milliseconds;
    EXPECT_EQ(spread_delay("d", 1, milliseconds{0}), milliseconds{0});
    EXPECT_EQ(spread_delay("d", 1, milliseconds{1000}), spread_delay("d", 1, milliseconds{1000}));
    std::vector<int> quarters(4);
    for (int i = 0; i < 1000; ++i) {
        const auto delay = spread_delay("d-" + std::to_string(i), 1, milliseconds{1000});
        ASSERT_LT(delay, milliseconds{1000});
        ++quarters[static_cast<std::size_t>(delay.count() / 250)];
    }
    for (const auto count : quarters) EXPECT_NEAR(count, 250, 60);
}

TEST(Messages, TellAnEnvelopeFromAPointer) {
    EXPECT_TRUE(is_desired_pointer(R"({"digest":"x","url":"/v1/device/desired"})").value());
    EXPECT_FALSE(is_desired_pointer(R"({"payloadType":"t","payload":"","signatures":[]})").value());
    EXPECT_FALSE(is_desired_pointer("[]"));
}

TEST(Messages, ReadAnEnrolmentAnswer) {
    const auto answer = enroll_answer_from_json(
        R"({"device":"d-1","certificate":"C","ca":"A","keyset":{"payloadType":"t"},)"
        R"("mqtt":{"host":"h","port":8883,"root":"r"},"hub":"https://hub/","later":1})");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->address.hub, "https://hub");
    EXPECT_EQ(answer->address.mqtt_port, 8883);
    EXPECT_EQ(answer->address.mqtt_root, "r");
    EXPECT_EQ(hub_address_from_json(to_json(answer->address)).value(), answer->address);
    EXPECT_FALSE(enroll_answer_from_json(
        R"({"device":"../x","certificate":"C","ca":"A","keyset":{},"hub":"h"})"));
}

}  // namespace
}  // namespace strandline::agent
