#include "hub/state/state_folder.h"

#include <gtest/gtest.h>

#include "hub/test_folder.h"

namespace strandline::hub {
namespace {

TEST(StateFolder, SecondHubIsRefused) {
    const TestFolder folder;
    const auto first = StateFolder::open(folder.path() / "state");
    ASSERT_TRUE(first) << first.error().message;
    const auto second = StateFolder::open(folder.path() / "state");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::conflict);
    EXPECT_NE(second.error().message.find("another hub"), std::string::npos);
}

TEST(StateFolder, RuntimeInfoExistsOnlyWhileServing) {
    const TestFolder folder;
    const auto file = folder.path() / "hub.json";
    {
        auto state = StateFolder::open(folder.path());
        ASSERT_TRUE(state);
        ASSERT_TRUE(
            state->publish({.url = "https://127.0.0.1:1", .mqtt_host = "h", .mqtt_port = 2}));
        const auto text = read_text_file(file, 4096);
        ASSERT_TRUE(text);
        EXPECT_NE(text->find("\"url\":\"https://127.0.0.1:1\",\"mqtt_host\":\"h\",\"mqtt_port\":2"),
                  std::string::npos)
            << *text;
        EXPECT_EQ(text->find("legacy"), std::string::npos);
    }
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(StateFolder, LeftoverOfAKilledHubIsRemovedAtOpen) {
    const TestFolder folder;
    ASSERT_TRUE(write_file_atomically(folder.path() / "hub.json", as_bytes("{}")));
    const auto state = StateFolder::open(folder.path());
    ASSERT_TRUE(state);
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "hub.json"));
}

}  // namespace
}  // namespace strandline::hub
