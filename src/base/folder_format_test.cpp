#include "base/folder_format.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/file.h"

namespace strandline {
namespace {

namespace fs = std::filesystem;

class Folder : public testing::Test {
public:
    ~Folder() override { fs::remove_all(folder_); }

protected:
    Folder() {
        std::string name = (fs::temp_directory_path() / "strandline-format-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    fs::path folder_;
};

using FolderFormatFile = Folder;

TEST_F(FolderFormatFile, SaysNothingBeforeItIsWritten) {
    const auto found = read_folder_format(folder_);
    ASSERT_TRUE(found);
    EXPECT_FALSE(*found);
}

TEST_F(FolderFormatFile, ReadsBackWhatWasWritten) {
    const FolderFormat format{"strandlined", 2, "0.2.0"};
    ASSERT_TRUE(write_folder_format(folder_, format));
    const auto found = read_folder_format(folder_);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ(**found, format);
    EXPECT_TRUE(check_folder_format(folder_, **found, "strandlined", 2));
}

TEST_F(FolderFormatFile, UnderstandsThatItIsNewer) {
    ASSERT_TRUE(write_file_atomically(
        folder_ / "format.json",
        as_bytes(R"({"program":"strandlined","format":9,"version":"7.0.0","more":[1]})")));
    const auto found = read_folder_format(folder_);
    ASSERT_TRUE(found && *found);
    const auto checked = check_folder_format(folder_, **found, "strandlined", 2);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, Errc::conflict);
    EXPECT_NE(checked.error().message.find("strandlined 7.0.0"), std::string::npos);
    EXPECT_NE(checked.error().message.find("restore a backup"), std::string::npos);
}

TEST_F(FolderFormatFile, RefusesTheFolderOfAnotherProgram) {
    const FolderFormat agents{"strandline-agent", 2, ""};
    const auto checked = check_folder_format(folder_, agents, "strandlined", 2);
    ASSERT_FALSE(checked);
    EXPECT_NE(checked.error().message.find("strandline-agent"), std::string::npos);
}

TEST_F(FolderFormatFile, ADamagedFileIsNamed) {
    ASSERT_TRUE(write_file_atomically(folder_ / "format.json", as_bytes("{\"format\":")));
    const auto found = read_folder_format(folder_);
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().message.find("format.json"), std::string::npos);
}

}  // namespace
}  // namespace strandline
