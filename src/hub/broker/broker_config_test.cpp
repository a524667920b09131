#include "hub/broker/broker_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "hub/test_folder.h"

namespace strandline::hub {
namespace {

using testing::HasSubstr;
using testing::Not;

BrokerOptions valid_options(const std::filesystem::path& folder) {
    BrokerOptions options;
    options.folder = folder;
    for (auto* file : {&options.ca_file, &options.certificate_file, &options.key_file}) {
        *file = folder / "some.pem";
    }
    EXPECT_TRUE(write_file_atomically(folder / "some.pem", as_bytes("pem")));
    return options;
}

TEST(BrokerConfig, DemandsCertificatesAndKeepsState) {
    const TestFolder folder;
    auto options = valid_options(folder.path());
    const auto text = broker_config(options, {.tls = 8883, .plain = 0});
    EXPECT_THAT(text, HasSubstr("listener 8883 127.0.0.1\n"));
    EXPECT_THAT(text, HasSubstr("allow_anonymous false\n"));
    EXPECT_THAT(text, HasSubstr("require_certificate true\n"));
    EXPECT_THAT(text, HasSubstr("use_identity_as_username true\n"));
    EXPECT_THAT(text, HasSubstr("use_username_as_clientid true\n"));
    EXPECT_THAT(text, HasSubstr("persistence true\n"));
    EXPECT_THAT(text, HasSubstr("max_queued_messages 100000\n"));
    EXPECT_THAT(text, Not(HasSubstr("crlfile")));
    options.crl_file = "/some/crl.pem";
    options.client_id_is_name = false;
    options.plain_listener.emplace();
    const auto other = broker_config(options, {.tls = 1, .plain = 2});
    EXPECT_THAT(other, HasSubstr("crlfile /some/crl.pem\n"));
    EXPECT_THAT(other, HasSubstr("listener 2 127.0.0.1\n"));
    EXPECT_THAT(other, HasSubstr("allow_anonymous true\n"));
    EXPECT_THAT(other, Not(HasSubstr("use_username_as_clientid")));
}

TEST(BrokerAcl, GivesADeviceItsOwnTopicsOnly) {
    BrokerOptions options;
    EXPECT_EQ(broker_acl(options),
              "\nuser hub\ntopic readwrite strandline/v1/#\ntopic read $SYS/#\n"
              "\npattern read strandline/v1/d/%u/down/#\n"
              "pattern write strandline/v1/d/%u/up/state\n"
              "pattern write strandline/v1/d/%u/up/reported\n"
              "pattern read strandline/v1/b/#\n");
    options.plain_listener.emplace();
    options.plain_listener->readable_topics = {"pushnotification"};
    EXPECT_THAT(broker_acl(options),
                testing::StartsWith("topic read pushnotification\n\nuser hub\n"));
    EXPECT_THAT(broker_acl(options), HasSubstr("topic readwrite pushnotification\n"));
}

TEST(BrokerAcl, TakesTheRightToPublishFromMutedDevices) {
    BrokerOptions options;
    options.muted = {"dev-1", "two\nuser hub"};
    const auto text = broker_acl(options);
    EXPECT_THAT(text, HasSubstr("\nuser dev-1\ntopic deny strandline/v1/d/dev-1/up/#\n"));
    EXPECT_THAT(text, Not(HasSubstr("two")));
}

TEST(BrokerOptions, RefusesWhatWouldChangeTheConfiguration) {
    const TestFolder folder;
    const auto options = valid_options(folder.path());
    ASSERT_TRUE(check_broker_options(options));
    struct Case {
        std::string_view what;
        std::function<void(BrokerOptions&)> change;
        Errc code;
    };
    const std::vector<Case> cases{
        {"no folder", [](auto& bad) { bad.folder.clear(); }, Errc::invalid},
        {"line in address", [](auto& bad) { bad.address = "::\nallow_anonymous true"; },
         Errc::invalid},
        {"line in file", [](auto& bad) { bad.ca_file = "a\nb"; }, Errc::invalid},
        {"wildcard", [](auto& bad) { bad.topic_root = "strandline/#"; }, Errc::invalid},
        {"empty root", [](auto& bad) { bad.topic_root.clear(); }, Errc::invalid},
        {"slash", [](auto& bad) { bad.topic_root = "a/"; }, Errc::invalid},
        {"missing key", [](auto& bad) { bad.key_file = "/nonexistent"; }, Errc::not_found},
        {"missing crl", [](auto& bad) { bad.crl_file = "/nonexistent"; }, Errc::not_found},
        {"plain wildcard",
         [](auto& bad) {
             bad.plain_listener.emplace();
             bad.plain_listener->readable_topics = {"#"};
         },
         Errc::invalid},
    };
    for (const auto& test : cases) {
        auto bad = options;
        test.change(bad);
        const auto checked = check_broker_options(bad);
        ASSERT_FALSE(checked) << test.what;
        EXPECT_EQ(checked.error().code, test.code) << test.what;
    }
}

TEST(BrokerLog, LevelsFollowWhoMustAct) {
    EXPECT_EQ(broker_log_level("Error: Unable to load server key"), LogLevel::error);
    EXPECT_EQ(broker_log_level("Warning: Mosquitto should not be run as root"), LogLevel::info);
    EXPECT_EQ(broker_log_level("Warning: Unable to save"), LogLevel::warn);
    EXPECT_EQ(broker_log_level("Warning: ACL pattern 'b/#' does not contain '%c' or '%u'."),
              LogLevel::debug);
    EXPECT_EQ(broker_log_level("OpenSSL Error[0]: error:0A000126"), LogLevel::debug);
    EXPECT_EQ(broker_log_level("mosquitto version 2.0.11 running"), LogLevel::info);
    EXPECT_EQ(broker_log_level("New client connected from 127.0.0.1"), LogLevel::debug);
}

TEST(PickFreePort, FindsOneForBothFamilies) {
    for (const char* address : {"127.0.0.1", "::1", "0.0.0.0", "localhost"}) {
        const auto port = pick_free_port(address);
        if (!port && std::string_view(address) == "::1") continue;  // no IPv6 here
        ASSERT_TRUE(port) << port.error().message;
        EXPECT_NE(*port, 0);
    }
}

}  // namespace
}  // namespace strandline::hub
