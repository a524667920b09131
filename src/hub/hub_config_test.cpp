#include "hub/hub_config.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "base/file.h"

namespace strandline::hub {
namespace {

std::string example() {
    const auto text = read_text_file(STRANDLINE_SOURCE_DIR "/examples/strandline.toml", 1 << 20);
    return text.value_or("");
}

TEST(HubConfig, ExampleFileHoldsTheDefaults) {
    const auto parsed = parse_hub_config(example(), "example");
    ASSERT_TRUE(parsed) << parsed.error().message;
    const HubConfig defaults;
    EXPECT_EQ(parsed->state, defaults.state);
    EXPECT_EQ(parsed->http.port, defaults.http.port);
    EXPECT_EQ(parsed->http.drain, defaults.http.drain);
    EXPECT_EQ(parsed->mqtt.poll_interval, defaults.mqtt.poll_interval);
    EXPECT_EQ(parsed->mqtt.max_ingest, defaults.mqtt.max_ingest);
    EXPECT_EQ(parsed->transfers.max_concurrent, defaults.transfers.max_concurrent);
    EXPECT_EQ(parsed->uploads.max_bytes, defaults.uploads.max_bytes);
    EXPECT_EQ(parsed->deltas.max_decoder_memory_bytes, defaults.deltas.max_decoder_memory_bytes);
    EXPECT_EQ(parsed->enrolment.certificate_validity, defaults.enrolment.certificate_validity);
    EXPECT_EQ(parsed->retention.max_events, defaults.retention.max_events);
    EXPECT_EQ(parsed->retention.presence_silence, defaults.retention.presence_silence);
    EXPECT_EQ(parsed->legacy.max_document_bytes, defaults.legacy.max_document_bytes);
    EXPECT_FALSE(parsed->legacy.enabled);
}

TEST(HubConfig, ExampleFileNamesEveryKeyUnderItsTable) {
    std::istringstream lines(example());
    std::string line;
    std::string table;
    std::string found;
    while (std::getline(lines, line)) {
        if (line.starts_with("[")) table = line.substr(1, line.find(']') - 1);
        const auto equals = line.find(" = ");
        if (!line.starts_with("#") && equals != std::string::npos) {
            found += table + "." + line.substr(0, equals) + "\n";
        }
    }
    std::string expected;
    for (const auto key : hub_config_keys()) expected += std::string(key) + "\n";
    EXPECT_EQ(found, expected);
}

struct BadCase {
    const char* text;
    const char* says;
};

class HubConfigRefuses : public testing::TestWithParam<BadCase> {};

TEST_P(HubConfigRefuses, NamesTheKey) {
    const auto parsed = parse_hub_config(GetParam().text, "x.toml");
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, Errc::invalid);
    EXPECT_NE(parsed.error().message.find(GetParam().says), std::string::npos)
        << parsed.error().message;
}

INSTANTIATE_TEST_SUITE_P(Table, HubConfigRefuses,
                         testing::Values(BadCase{"[http]\nprot = 1\n", "prot"},
                                         BadCase{"[htpp]\nport = 1\n", "htpp"},
                                         BadCase{"[http]\nport = 70000\n", "port"},
                                         BadCase{"[http]\nport = \"a\"\n", "port"},
                                         BadCase{"[http]\naddress = \"\"\n", "address"},
                                         BadCase{"[mqtt]\naddress = \"here\"\n", "address"},
                                         BadCase{"[legacy]\naddress = \"a b\"\n", "address"},
                                         BadCase{"[mqtt]\nmode = \"other\"\n", "mode"},
                                         BadCase{"[mqtt]\nmode = \"external\"\n", "host"},
                                         BadCase{"[mqtt]\nroot = \"a/#\"\n", "root"},
                                         BadCase{"[log]\nlevel = \"loud\"\n", "level"},
                                         BadCase{"[http]\nnames = [1]\n", "names"},
                                         BadCase{"[http\n", "x.toml:1"}));

TEST(HubConfig, EnvironmentWinsOverTheFile) {
    const auto file = std::filesystem::path(testing::TempDir()) / "hub_config_test.toml";
    std::ofstream(file) << "[http]\nport = 1234\n";
    ASSERT_EQ(::setenv("STRANDLINE_HTTP_PORT", "4321", 1), 0);
    const auto loaded = load_hub_config(file);
    ASSERT_EQ(::unsetenv("STRANDLINE_HTTP_PORT"), 0);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->http.port, 4321);
}

TEST(HubConfig, NamesTheKeysThatChanged) {
    const auto read = [](std::string_view text) { return *parse_hub_config(text, "x"); };
    const auto before = read("[http]\nport = 1\nnames = [\"a\"]\n[log]\nlevel = \"info\"\n");
    const auto after = read("[http]\nport = 1\nnames = [\"b\"]\n[mqtt]\nroot = \"r\"\n");
    EXPECT_TRUE(changed_keys(before, before).empty());
    EXPECT_EQ(changed_keys(before, after),
              (std::vector<std::string>{"http.names", "mqtt.root", "log.level"}));
}

TEST(HubConfig, NoDeviceIsSilentBeforeThreePolls) {
    HubConfig config;
    EXPECT_EQ(config.effective_presence_silence(), std::chrono::hours(1));
    config.mqtt.poll_interval = std::chrono::hours(1);
    EXPECT_EQ(config.effective_presence_silence(), std::chrono::hours(3));
}

TEST(HubConfig, PublicHostFollowsTheAddress) {
    HubConfig config;
    EXPECT_EQ(config.effective_public_host(), "127.0.0.1");
    config.http.address = "0.0.0.0";
    EXPECT_FALSE(config.effective_public_host().empty());
    EXPECT_NE(config.effective_public_host(), "0.0.0.0");
    config.http.public_host = "hub.example.org";
    EXPECT_EQ(config.effective_mqtt_host(), "hub.example.org");
}

}  // namespace
}  // namespace strandline::hub
