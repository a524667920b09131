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

TEST(Commands, CheckConfigNamesALogFolderThatCannotBeWritten) {
    const TestFolder folder;
    CommandLine line;
    line.command = HubCommand::check_config;
    HubConfig config;
    config.log.file = folder.path() / "hub.log";
    EXPECT_TRUE(run_command(line, config));
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    config.log.file = folder.path() / "missing" / "hub.log";
    const auto done = run_command(line, config);
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message.find("log.file"), std::string::npos) << done.error().message;
}

}  // namespace
}  // namespace strandline::hub
