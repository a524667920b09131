#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/unfinished_files.h"
#include "base/worker_pool.h"

namespace strandline {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(make_folders(folder_)); }
    void TearDown() override { fs::remove_all(folder_); }
    const fs::path folder_ = fs::temp_directory_path() / make_id("file-test");
};

TEST_F(FileTest, AtomicWriteReplacesAndLeavesNoTemporary) {
    const fs::path path = folder_ / "pointer.json";
    ASSERT_TRUE(write_file_atomically(path, as_bytes("one")));
    ASSERT_TRUE(write_file_atomically(path, as_bytes("two")));
    EXPECT_EQ(read_text_file(path, 10).value(), "two");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(FileTest, AtomicWriteFailureKeepsTheOldFile) {
    const auto status = write_file_atomically(folder_ / "missing" / "x", as_bytes("one"));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::not_found);
    EXPECT_NE(status.error().message.find("missing/x"), std::string::npos)
        << status.error().message;
}

// Without descriptors to spare it fails before the rename, not behind it.
TEST_F(FileTest, AtomicWriteWithoutDescriptorsKeepsTheOldFile) {
    const auto path = folder_ / "x";
    ASSERT_TRUE(write_file_atomically(path, as_bytes("one")));
    const UniqueFd free_one(::dup(0));
    struct rlimit before {};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    for (rlim_t spare = 0; spare < 3; ++spare) {
        auto few = before;
        few.rlim_cur = static_cast<rlim_t>(free_one.get()) + 1 + spare;
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
        const auto written = write_file_atomically(path, as_bytes("two"));
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
        EXPECT_EQ(*read_text_file(path, 10), written ? "two" : "one") << spare;
    }
}

TEST_F(FileTest, OnlyUnfinishedFilesAreRemoved) {
    const std::vector<std::string> names{"pointer.json", "pointer.json.tmp",
                                         "tmp-0123456789abcdefghij", "x." + make_id("dep"),
                                         "pointer.json." + make_id("tmp")};
    for (const auto& name : names) {
        ASSERT_TRUE(open_file(folder_ / name, O_WRONLY | O_CREAT));
    }
    ASSERT_TRUE(remove_unfinished_files(folder_));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 4);
    EXPECT_TRUE(fs::exists(folder_ / "tmp-0123456789abcdefghij")) << "belongs to somebody else";
    EXPECT_TRUE(remove_unfinished_files(folder_ / "missing"));
}

TEST_F(FileTest, ReadRefusesTooLargeMissingAndFolders) {
    ASSERT_TRUE(write_file_atomically(folder_ / "big", as_bytes("0123456789")));
    EXPECT_EQ(read_text_file(folder_ / "big", 9).error().code, Errc::invalid);
    EXPECT_EQ(read_text_file(folder_ / "none", 9).error().code, Errc::not_found);
    EXPECT_EQ(read_text_file(folder_, 9).error().code, Errc::invalid);
}

TEST_F(FileTest, ReadExactlyReportsAShortFile) {
    ASSERT_TRUE(write_file_atomically(folder_ / "short", as_bytes("abc")));
    const auto fd = open_file(folder_ / "short", O_RDONLY).value();
    Bytes out(4);
    EXPECT_EQ(read_exactly_at(fd.get(), 0, out).error().code, Errc::corrupt);
    EXPECT_TRUE(read_exactly_at(fd.get(), 1, std::span(out).first(2)));
    EXPECT_EQ(as_text(ByteSpan(out).first(2)), "bc");
}

TEST_F(FileTest, SecondLockNamesTheHolder) {
    const auto first = LockFile::acquire(folder_ / "lock");
    ASSERT_TRUE(first);
    const auto second = LockFile::acquire(folder_ / "lock");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::conflict);
    EXPECT_NE(second.error().message.find("pid " + std::to_string(::getpid())), std::string::npos);
}

TEST_F(FileTest, FreeSpaceAndFoldersAreReal) {
    EXPECT_GT(free_disk_bytes(folder_).value(), 0U);
    EXPECT_TRUE(make_folders(folder_ / "a" / "b"));
    EXPECT_TRUE(make_folders(folder_ / "a" / "b"));
    ASSERT_TRUE(write_file_atomically(folder_ / "f", as_bytes("x")));
    EXPECT_EQ(make_folders(folder_ / "f").error().code, Errc::conflict);
}

TEST(Names, AcceptsWhatIsSafeInPathsTopicsAndUrls) {
    for (const char* good : {"leaf", "a", "A1._-", "0x01", "face-detector"})
        EXPECT_TRUE(check_name("package", good));
    for (const char* bad :
         {"", ".a", "-a", "a/b", "a b", "a#", "a+", "..", "a..b", "\xc3\xa4", "$a"}) {
        EXPECT_FALSE(check_name("package", bad)) << bad;
    }
    EXPECT_FALSE(check_name("package", std::string(65, 'a')));
}

TEST(BundlePaths, RefusesWhatCouldLeaveTheBundle) {
    for (const char* good : {"model.onnx", "a/b/c.bin", "golden/0 in.bin"})
        EXPECT_TRUE(check_bundle_path(good));
    for (const char* bad :
         {"", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\\b", "a\nb"}) {
        EXPECT_FALSE(check_bundle_path(bad)) << bad;
    }
    EXPECT_FALSE(check_bundle_path(std::string(256, 'a')));
}

TEST(Ids, AreNamesAndDiffer) {
    const auto id = make_id("dep");
    EXPECT_TRUE(check_name("id", id));
    EXPECT_NE(id, make_id("dep"));
    EXPECT_EQ(make_secret().size(), 52U);
}

TEST(WorkerPool, FullQueueIsAnAnswer) {
    std::mutex gate;
    std::unique_lock hold(gate);
    std::mutex started_mutex;
    std::condition_variable started;
    bool running = false;
    WorkerPool pool({.threads = 1, .max_queued = 1});
    ASSERT_TRUE(pool.submit([&] {
        {
            const std::lock_guard lock(started_mutex);
            running = true;
        }
        started.notify_one();
        const std::lock_guard wait(gate);
    }));
    {
        std::unique_lock lock(started_mutex);
        started.wait(lock, [&] { return running; });
    }
    int ran = 0;
    ASSERT_TRUE(pool.submit([&] { ++ran; }));
    EXPECT_EQ(pool.submit([] {}).error().code, Errc::exhausted);
    hold.unlock();
    pool.stop();
    EXPECT_EQ(ran, 1) << "stop() runs what was queued";
    EXPECT_EQ(pool.submit([] {}).error().code, Errc::cancelled);
}

}  // namespace
}  // namespace strandline
