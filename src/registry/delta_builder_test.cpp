#include "registry/delta_builder.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/ids.h"

namespace strandline::registry {
namespace {

class LibraryBuilder : public testing::Test {
protected:
    LibraryBuilder() { std::filesystem::create_directories(folder); }
    ~LibraryBuilder() override {
        std::error_code ignored;
        std::filesystem::remove_all(folder, ignored);
    }
    void store(const std::filesystem::path& path, const std::string& text) {
        ASSERT_TRUE(write_file_atomically(path, as_bytes(text)));
    }
    [[nodiscard]] Result<DeltaBuild> build() const {
        return make_delta_builder()->build(files, [] { return true; });
    }

    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / make_id("delta-builder");
    const std::string one = std::string(5000, 'a') + "1";
    const std::string two = std::string(5000, 'a') + "2";
    const DeltaFiles files{
        {sha256(one), sha256(two)}, folder / "base", folder / "target", folder / "delta"};
};

TEST_F(LibraryBuilder, SaysHowLargeADeltaIsAndWhatItIsMadeOf) {
    store(files.base, one);
    store(files.target, two);
    const auto made = build();
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->size, std::filesystem::file_size(files.output));
    std::uint64_t new_bytes = 0;
    std::uint64_t delta_bytes = 0;
    for (const auto& share : made->shares) {
        new_bytes += share.new_bytes;
        delta_bytes += share.delta_bytes;
    }
    EXPECT_EQ(new_bytes, two.size());
    EXPECT_EQ(delta_bytes, made->size);
}

TEST_F(LibraryBuilder, RefusesFilesThatAreNotThoseOfThePair) {
    store(files.base, one);
    store(files.target, two + "x");
    auto made = build();
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::corrupt);
    EXPECT_NE(made.error().message.find("target is damaged"), std::string::npos);
    store(files.base, one + "x");
    store(files.target, two);
    made = build();
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().message.find("base is damaged"), std::string::npos);
}

}  // namespace
}  // namespace strandline::registry
