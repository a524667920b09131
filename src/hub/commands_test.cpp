#include "hub/commands.h"

#include <gtest/gtest.h>

#include "hub/test_folder.h"

namespace strandline::hub {
namespace {

TEST(Commands, OnAHubMakeNoneWhereThereIsNone) {
    const TestFolder folder;
    HubConfig config;
    config.state = folder.path() / "strandline-state";
    CommandLine line;
    line.token_name = "ci";
    line.token_role = "admin";
    line.folder = folder.path() / "backup";
    for (const auto command :
         {HubCommand::rotate_keys, HubCommand::create_token, HubCommand::backup}) {
        line.command = command;
        const auto done = run_command(line, config);
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, Errc::not_found) << done.error().message;
        EXPECT_NE(done.error().message.find("--config"), std::string::npos);
        EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    }
}

}  // namespace
}  // namespace strandline::hub
