#include "net/page_cache.h"

#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "net/http_test_kit.h"

namespace strandline::net {
namespace {

class PageCache : public ::testing::Test {
protected:
    PageCache() {
        // Not in the temporary folder, which may be in memory only.
        path_ = std::filesystem::current_path() / ("page_cache_" + std::to_string(::getpid()));
        file_ = open_file(path_, O_CREAT | O_RDWR | O_TRUNC).value();
        const auto bytes = testing::pattern(size_);
        EXPECT_TRUE(write_all(file_.get(), as_bytes(bytes)));
    }
    ~PageCache() override { std::filesystem::remove(path_); }
    PageCache(const PageCache&) = delete;
    PageCache& operator=(const PageCache&) = delete;

    /// False where the file system keeps files in memory.
    bool evict() {
        ::fsync(file_.get());
        ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED);
        return !is_cached(file_.get(), 0, size_);
    }

    static constexpr std::size_t size_ = 1'000'000;
    std::filesystem::path path_;
    UniqueFd file_;
};

TEST_F(PageCache, HoldsWhatWasJustWritten) { EXPECT_TRUE(is_cached(file_.get(), 0, size_)); }

TEST_F(PageCache, IsFilledByLoading) {
    if (!evict()) GTEST_SKIP() << "this file system cannot drop its cache";
    ASSERT_TRUE(load_into_cache(file_.get(), 0, size_));
    EXPECT_TRUE(is_cached(file_.get(), 0, size_));
}

TEST_F(PageCache, LoadingPastTheEndIsFine) {
    EXPECT_TRUE(load_into_cache(file_.get(), size_ - 10, 1'000'000));
    EXPECT_TRUE(is_cached(file_.get(), size_ * 2, 0));
}

TEST_F(PageCache, LoadingNamesAFailure) {
    const auto loaded = load_into_cache(-1, 0, 10);
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find("read a file"), std::string::npos);
}

}  // namespace
}  // namespace strandline::net
