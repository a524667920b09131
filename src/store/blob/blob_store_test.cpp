#include "store/blob/blob_store.h"

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>

#include "base/ids.h"

namespace strandline::store {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

class BlobStoreTest : public ::testing::Test {
protected:
    void SetUp() override { reopen(); }
    void TearDown() override {
        store_.reset();
        std::error_code error;
        fs::remove_all(root_, error);
    }

    void reopen() {
        store_.reset();
        auto opened = BlobStore::open(root_, clock_);
        ASSERT_TRUE(opened) << opened.error().message;
        store_ = *std::move(opened);
    }

    Sha256Digest put(std::string_view text) {
        const auto info = store_->put(as_bytes(text));
        EXPECT_TRUE(info) << info.error().message;
        EXPECT_EQ(info->size, text.size());
        return info->digest;
    }

    std::size_t files_in(const fs::path& folder) const {
        std::size_t count = 0;
        for (const auto& entry : fs::recursive_directory_iterator(root_ / folder))
            count += entry.is_regular_file();
        return count;
    }

    std::string content(const Sha256Digest& digest) const {
        return read_text_file(store_->path_of(digest), 1 << 20).value_or("unreadable");
    }

    void rot(const Sha256Digest& digest) const {
        fs::permissions(store_->path_of(digest), fs::perms::owner_write, fs::perm_options::add);
        std::ofstream(store_->path_of(digest)) << "rot";
    }

    // File time as if the blob had been stored that long ago by another process.
    void backdate(const Sha256Digest& digest, std::chrono::hours by) const {
        fs::last_write_time(store_->path_of(digest), fs::file_time_type::clock::now() - by);
    }

    fs::path root_ = fs::temp_directory_path() / make_id("blob-test");
    FakeClock clock_{
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now())};
    std::unique_ptr<BlobStore> store_;
};

TEST_F(BlobStoreTest, KeepsBytesUnderTheirHash) {
    const auto digest = put("model");
    EXPECT_EQ(digest, sha256("model"));
    EXPECT_EQ(store_->path_of(digest),
              root_ / "blobs" / digest.hex().substr(0, 2) / digest.hex().substr(2));
    EXPECT_TRUE(store_->contains(digest));
    EXPECT_EQ(store_->stat(digest)->size, 5U);
    EXPECT_TRUE(store_->verify(digest));
    EXPECT_EQ(content(digest), "model");
    EXPECT_EQ(fs::status(store_->path_of(digest)).permissions(), fs::perms::owner_read);
    reopen();
    EXPECT_TRUE(store_->contains(digest));
    ASSERT_EQ(store_->list()->size(), 1U);
    EXPECT_EQ((*store_->list())[0].digest, digest);
}

TEST_F(BlobStoreTest, AnEmptyBlobIsABlob) { EXPECT_EQ(content(put("")), ""); }

TEST_F(BlobStoreTest, WritesInPieces) {
    auto writer = store_->begin(3 << 20);
    ASSERT_TRUE(writer) << writer.error().message;
    Sha256 hash;
    const Bytes piece(100'001, std::byte{7});
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(writer->write(piece));
        hash.update(piece);
    }
    EXPECT_EQ(writer->size(), 20 * piece.size());
    const auto info = writer->commit(hash.finish());
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(fs::file_size(store_->path_of(info->digest)), 20 * piece.size())
        << "no reserved tail";
}

TEST_F(BlobStoreTest, WhatDoesNotMatchIsNotStored) {
    {
        auto writer = store_->begin();
        ASSERT_TRUE(writer);
        ASSERT_TRUE(writer->write(as_bytes("evil")));
        const auto info = writer->commit(sha256("good"));
        ASSERT_FALSE(info);
        EXPECT_EQ(info.error().code, Errc::corrupt);
        EXPECT_THAT(info.error().message, HasSubstr(sha256("good").hex()));
        EXPECT_FALSE(writer->commit()) << "no second chance";
    }
    EXPECT_EQ(files_in("blobs"), 0U);
}

TEST_F(BlobStoreTest, ADroppedWriterLeavesNothing) {
    {
        auto writer = store_->begin();
        ASSERT_TRUE(writer->write(as_bytes("half")));
        EXPECT_EQ(files_in("blobs"), 1U);
        EXPECT_TRUE(store_->list()->empty()) << "nothing half-written is visible";
    }
    EXPECT_EQ(files_in("blobs"), 0U);
}

TEST_F(BlobStoreTest, OpeningRemovesWhatACrashLeftAndNothingElse) {
    const auto digest = put("kept");
    std::ofstream(root_ / "blobs/tmp/tmp-left") << "half";
    std::ofstream(root_ / "staging/partial") << "half";
    const auto alive = open_file(root_ / "blobs/tmp/tmp-alive", O_RDWR | O_CREAT);
    ASSERT_EQ(::flock(alive->get(), LOCK_EX), 0);
    reopen();
    EXPECT_FALSE(fs::exists(root_ / "blobs/tmp/tmp-left"));
    EXPECT_TRUE(fs::exists(root_ / "blobs/tmp/tmp-alive")) << "its writer is at work";
    EXPECT_TRUE(fs::exists(root_ / "staging/partial")) << "belongs to the caller";
    EXPECT_TRUE(store_->contains(digest));
}

TEST_F(BlobStoreTest, ForeignFilesAreNoBlobs) {
    const auto digest = put("x");
    const auto folder = store_->path_of(digest).parent_path();
    std::ofstream(folder / "README") << "x";
    std::ofstream(folder / std::string(62, 'Z')) << "x";
    EXPECT_EQ(store_->list()->size(), 1U);
}

TEST_F(BlobStoreTest, AdoptsAFinishedFile) {
    const auto file = store_->staging_folder() / "finished";
    std::ofstream(file) << "downloaded";
    const auto info = store_->adopt(file, sha256("downloaded"));
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_FALSE(fs::exists(file));
    EXPECT_EQ(content(info->digest), "downloaded");
}

TEST_F(BlobStoreTest, AdoptingTheWrongFileRemovesIt) {
    const auto file = store_->staging_folder() / "wrong";
    std::ofstream(file) << "tampered";
    const auto info = store_->adopt(file, sha256("downloaded"));
    ASSERT_FALSE(info);
    EXPECT_EQ(info.error().code, Errc::corrupt);
    EXPECT_FALSE(fs::exists(file));
    EXPECT_TRUE(store_->list()->empty());
}

TEST_F(BlobStoreTest, AdoptsOnlyPlainFiles) {
    fs::create_symlink("/etc/passwd", store_->staging_folder() / "link");
    EXPECT_FALSE(store_->adopt(store_->staging_folder() / "link"));
    EXPECT_FALSE(store_->adopt(store_->staging_folder() / "absent"));
    EXPECT_FALSE(store_->adopt(store_->staging_folder()));
}

TEST_F(BlobStoreTest, AbsentBlobsAreNamed) {
    const auto digest = sha256("absent");
    for (const auto& status :
         {Status(store_->verify(digest)), store_->remove(digest), store_->refresh(digest)}) {
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code, Errc::not_found);
        EXPECT_THAT(status.error().message, HasSubstr(digest.hex()));
    }
    EXPECT_EQ(store_->open_blob(digest).error().code, Errc::not_found);
    EXPECT_EQ(store_->stat(digest).error().code, Errc::not_found);
    EXPECT_FALSE(store_->contains(digest));
}

TEST_F(BlobStoreTest, RotIsFoundAndHealedByStoringAgain) {
    const auto digest = put("fresh");
    rot(digest);
    const auto verified = store_->verify(digest);
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().code, Errc::corrupt);
    put("fresh");
    EXPECT_TRUE(store_->verify(digest));
}

TEST_F(BlobStoreTest, CollectsWhatIsOldAndUnreferenced) {
    const auto used = put("used");
    const auto young = put("young");
    const auto old = put("an old one");
    reopen();
    backdate(used, std::chrono::hours(2));
    backdate(old, std::chrono::hours(2));
    const auto collected = store_->collect(
        [&](const Sha256Digest& digest) { return digest == used; }, std::chrono::hours(1));
    ASSERT_TRUE(collected) << collected.error().message;
    EXPECT_EQ(collected->removed, 1U);
    EXPECT_EQ(collected->bytes, 10U);
    EXPECT_TRUE(store_->contains(used));
    EXPECT_TRUE(store_->contains(young));
    EXPECT_FALSE(store_->contains(old));
}

TEST_F(BlobStoreTest, AJumpOfTheWallClockMakesNothingOld) {
    const auto digest = put("just uploaded");
    const auto nothing = [](const Sha256Digest&) { return Result<bool>(false); };
    clock_.set_wall(clock_.wall() + std::chrono::hours(24 * 365));
    EXPECT_EQ(store_->collect(nothing, std::chrono::hours(1))->removed, 0U);
    clock_.advance(std::chrono::hours(2));
    EXPECT_EQ(store_->collect(nothing, std::chrono::hours(1))->removed, 1U);
    EXPECT_FALSE(store_->contains(digest));
}

TEST_F(BlobStoreTest, StoringOrRefreshingAgainMakesYoung) {
    const auto again = put("again");
    const auto refreshed = put("refreshed");
    reopen();
    backdate(again, std::chrono::hours(5));
    backdate(refreshed, std::chrono::hours(5));
    put("again");
    ASSERT_TRUE(store_->refresh(refreshed));
    const auto nothing = [](const Sha256Digest&) { return Result<bool>(false); };
    EXPECT_EQ(store_->collect(nothing, std::chrono::hours(1))->removed, 0U);
}

TEST_F(BlobStoreTest, AnUploadDuringTheCollectionSurvives) {
    const auto digest = put("raced");
    reopen();
    backdate(digest, std::chrono::hours(5));
    const auto collected = store_->collect(
        [&](const Sha256Digest&) {
            put("raced");  // another client, between the look-up and the removal
            return Result<bool>(false);
        },
        std::chrono::hours(1));
    EXPECT_EQ(collected->removed, 0U);
    EXPECT_TRUE(store_->contains(digest));
}

TEST_F(BlobStoreTest, AFailingLookUpRemovesNothing) {
    const auto digest = put("x");
    reopen();
    backdate(digest, std::chrono::hours(5));
    const auto collected = store_->collect(
        [](const Sha256Digest&) { return Result<bool>(fail(Errc::unavailable, "database gone")); },
        std::chrono::seconds::max());
    EXPECT_TRUE(collected) << "nothing is that old, so nothing was asked";
    const auto asked = store_->collect(
        [](const Sha256Digest&) { return Result<bool>(fail(Errc::unavailable, "database gone")); },
        std::chrono::seconds(1));
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().code, Errc::unavailable);
    EXPECT_TRUE(store_->contains(digest));
}

TEST_F(BlobStoreTest, ManyThreadsMayStoreTheSame) {
    {
        constexpr int writers = 8;
        std::vector<std::jthread> threads;
        threads.reserve(writers);
        for (int i = 0; i < writers; ++i) {
            threads.emplace_back([&, i] {
                for (int n = 0; n < 10; ++n) {
                    put("shared " + std::to_string(n));
                    put("own " + std::to_string(i * 100 + n));
                    ignore(store_->collect([](const Sha256Digest&) { return true; },
                                           std::chrono::seconds(0)),
                           "");
                }
            });
        }
    }
    EXPECT_EQ(store_->list()->size(), 90U);
    EXPECT_EQ(files_in("blobs/tmp"), 0U);
}

TEST_F(BlobStoreTest, TooBigIsSaidUpFront) {
    const auto writer = store_->begin(std::uint64_t{1} << 60);
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().code, Errc::exhausted);
    EXPECT_THAT(writer.error().message, HasSubstr("free some space"));
    EXPECT_EQ(files_in("blobs"), 0U);
}

TEST_F(BlobStoreTest, AFullDiskIsExhaustedAndLeavesNothing) {
    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
    const rlimit small{8192, old.rlim_max};
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    Status written;
    Result<BlobInfo> committed = fail(Errc::internal, "");
    {
        auto writer = store_->begin();
        written = writer->write(Bytes(100'000));
        committed = writer->commit();
    }
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
    std::signal(SIGXFSZ, handler);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, Errc::exhausted) << written.error().message;
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().code, Errc::exhausted);
    EXPECT_EQ(files_in("blobs"), 0U);
}

TEST_F(BlobStoreTest, AReadOnlyOrFullFileSystemSaysSo) {
    store_.reset();
    if (::mount("tmpfs", root_.c_str(), "tmpfs", 0, "size=8m") != 0)
        GTEST_SKIP() << "mounting is not permitted here";
    reopen();
    const auto kept = put("kept");
    EXPECT_EQ(store_->begin(6 << 20).error().code, Errc::exhausted) << "the slack stays free";
    {
        auto writer = store_->begin();
        const auto written = writer->write(Bytes(9 << 20));
        ASSERT_FALSE(written);
        EXPECT_EQ(written.error().code, Errc::exhausted);
    }
    ASSERT_EQ(::mount("tmpfs", root_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr), 0);
    const auto refused = store_->put(as_bytes("new"));
    EXPECT_EQ(content(kept), "kept");
    store_.reset();
    ASSERT_EQ(::umount(root_.c_str()), 0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unavailable) << refused.error().message;
}

TEST_F(BlobStoreTest, AFileInTheWayIsNamed) {
    std::ofstream(root_ / "file") << "x";
    const auto opened = BlobStore::open(root_ / "file");
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message, HasSubstr((root_ / "file").string()));
}

}  // namespace
}  // namespace strandline::store
