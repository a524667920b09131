#pragma once

#include <filesystem>
#include <system_error>

#include "base/ids.h"

namespace strandline::hub {

/// A fresh folder of a test, removed with it.
class TestFolder {
public:
    TestFolder() : path_(std::filesystem::temp_directory_path() / make_id("strandline-hub")) {
        std::filesystem::create_directories(path_);
    }
    ~TestFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TestFolder(const TestFolder&) = delete;
    TestFolder& operator=(const TestFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace strandline::hub
