#include "hub/command_line.h"

#include <gtest/gtest.h>

namespace strandline::hub {
namespace {

Result<CommandLine> parse(const std::vector<std::string_view>& words) {
    return parse_command_line(words);
}

TEST(CommandLine, ServesByDefault) {
    const auto line = parse({});
    ASSERT_TRUE(line);
    EXPECT_EQ(line->command, HubCommand::serve);
    EXPECT_FALSE(line->state);
}

TEST(CommandLine, ReadsOptionsAndCommandsInAnyOrder) {
    const auto line =
        parse({"tokens", "create", "ci", "operator", "--state", "/tmp/x", "--config", "c.toml"});
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_EQ(line->command, HubCommand::create_token);
    EXPECT_EQ(line->token_name, "ci");
    EXPECT_EQ(line->token_role, "operator");
    EXPECT_EQ(line->state, "/tmp/x");
    EXPECT_EQ(line->config, "c.toml");
    EXPECT_EQ(parse({"--state", "s", "keys", "rotate"})->command, HubCommand::rotate_keys);
    EXPECT_EQ(parse({"--check-config"})->command, HubCommand::check_config);
    EXPECT_EQ(parse({"backup", "--to", "b"})->folder, "b");
    EXPECT_EQ(parse({"--from", "b", "restore"})->command, HubCommand::restore);
    EXPECT_TRUE(parse({"doctor", "--json"})->json);
}

TEST(CommandLine, NamesWhatItDoesNotKnow) {
    for (const auto& words : std::vector<std::vector<std::string_view>>{{"--stat", "x"},
                                                                        {"--state"},
                                                                        {"keys"},
                                                                        {"keys", "burn"},
                                                                        {"tokens", "create", "a"},
                                                                        {"backup"},
                                                                        {"restore"},
                                                                        {"backup", "--to"},
                                                                        {"serve"}}) {
        const auto line = parse(words);
        ASSERT_FALSE(line) << words.front();
        EXPECT_EQ(line.error().code, Errc::invalid);
        EXPECT_FALSE(line.error().message.empty());
    }
}

}  // namespace
}  // namespace strandline::hub
