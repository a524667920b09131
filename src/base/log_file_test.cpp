#include "base/log_file.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

namespace strandline {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

class LogFile : public testing::Test {
public:
    ~LogFile() override {
        ::dup2(before_.get(), STDERR_FILENO);
        fs::remove_all(folder_);
    }

protected:
    LogFile() : before_(::dup(STDERR_FILENO)) {
        std::string name = (fs::temp_directory_path() / "strandline-log-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    fs::path folder_;

private:
    UniqueFd before_;
};

TEST_F(LogFile, GoesOnInANewFileAfterARotation) {
    const auto file = folder_ / "hub.log";
    ASSERT_TRUE(log_to_file(file));
    log_error("first");
    fs::rename(file, folder_ / "hub.log.1");
    log_error("second");
    ASSERT_TRUE(log_to_file(file));
    log_error("third");
    const auto old = content(folder_ / "hub.log.1");
    EXPECT_NE(old.find("first"), std::string::npos);
    EXPECT_NE(old.find("second"), std::string::npos);
    EXPECT_EQ(old.find("third"), std::string::npos);
    EXPECT_NE(content(file).find("third"), std::string::npos);
}

TEST_F(LogFile, StaysWhereItWasWhenTheNewPlaceCannotBeOpened) {
    const auto file = folder_ / "hub.log";
    ASSERT_TRUE(log_to_file(file));
    const auto moved = log_to_file(folder_ / "missing" / "hub.log");
    ASSERT_FALSE(moved);
    EXPECT_NE(moved.error().message.find("missing/hub.log"), std::string::npos);
    log_error("still here");
    EXPECT_NE(content(file).find("still here"), std::string::npos);
}

TEST_F(LogFile, IsCheckedWithoutBeingMade) {
    EXPECT_TRUE(check_log_file(""));
    EXPECT_TRUE(check_log_file(folder_ / "hub.log"));
    EXPECT_TRUE(fs::is_empty(folder_));
    const auto done = check_log_file(folder_ / "missing" / "hub.log");
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message.find("log.file"), std::string::npos);
    EXPECT_NE(done.error().message.find((folder_ / "missing").string()), std::string::npos);
    std::ofstream(folder_ / "file") << "x";
    EXPECT_FALSE(check_log_file(folder_ / "file" / "hub.log"));
}

}  // namespace
}  // namespace strandline
