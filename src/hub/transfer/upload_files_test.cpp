#include "hub/transfer/upload_files.h"

#include <gtest/gtest.h>

#include "hub/test_domain.h"

namespace strandline::hub {
namespace {

class UploadFilesTest : public testing::Test {
protected:
    TestDomain test;
    UploadFiles files{test.folder.path() / "uploads", test.domain->uploads, *test.blobs,
                      std::chrono::hours(1), 4};

    std::string create(std::uint64_t length, std::optional<Sha256Digest> expected = std::nullopt) {
        registry::UploadRequest request;
        request.length = length;
        request.expected = expected;
        request.owner = "ann";
        return files.create(request).value().id;
    }
    Result<UploadFiles::Append::Progress> append(const std::string& id, std::uint64_t offset,
                                                 std::string_view text) {
        TRY(const auto part, files.append(id, "ann", offset));
        TRY(part->write(as_bytes(text)));
        return part->finish();
    }
};

TEST_F(UploadFilesTest, PiecesBecomeABlob) {
    const auto id = create(6, sha256("abcdef"));
    const auto first = append(id, 0, "abc");
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(first->offset, 3U);
    EXPECT_FALSE(first->blob);
    EXPECT_EQ(files.get(id, "ann")->offset, 3U);
    const auto second = append(id, 3, "def");
    ASSERT_TRUE(second) << second.error().message;
    ASSERT_TRUE(second->blob);
    EXPECT_EQ(second->blob->digest, sha256("abcdef"));
    EXPECT_TRUE(test.blobs->contains(sha256("abcdef")));
    EXPECT_EQ(files.get(id, "ann").error().code, Errc::not_found);
}

TEST_F(UploadFilesTest, BytesThatACrashLeftPastTheOffsetDoNotCount) {
    const auto id = create(4, sha256("abcd"));
    ASSERT_TRUE(append(id, 0, "ab"));
    {
        const auto cut = files.append(id, "ann", 2);
        ASSERT_TRUE(cut);
        ASSERT_TRUE((*cut)->write(as_bytes("X")));  // never finished
    }
    const auto done = append(id, 2, "cd");
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_TRUE(done->blob);
}

TEST_F(UploadFilesTest, StepsOfARequestThatNeverEndsCount) {
    const auto id = create(10, sha256("abcdefghij"));
    {
        const auto killed = files.append(id, "ann", 0);
        ASSERT_TRUE(killed);
        for (const auto* piece : {"abc", "def", "g"})
            ASSERT_TRUE((*killed)->write(as_bytes(std::string_view(piece))));
        EXPECT_EQ(files.get(id, "ann")->offset, 6U);
    }
    const auto done = append(id, 6, "ghij");
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_TRUE(done->blob);
}

TEST_F(UploadFilesTest, AnInterruptedAdoptionIsCompletedByAnEmptyAppend) {
    const auto id = create(4, sha256("abcd"));
    ASSERT_TRUE(append(id, 0, "ab"));
    // Of a hub that was killed while it read the file back.
    ASSERT_TRUE(files.append(id, "ann", 2).value()->write(as_bytes(std::string_view("cd"))));
    ASSERT_TRUE(test.domain->uploads.advance(id, 2, 4));
    const auto path = test.folder.path() / "uploads" / id;
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    {
        ASSERT_TRUE(files.append(id, "ann", 4));
        EXPECT_NE(std::filesystem::status(path).permissions() & std::filesystem::perms::owner_write,
                  std::filesystem::perms::none)
            << "root writes to it all the same, the hub's user does not";
    }
    const auto done = append(id, 4, "");
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE(done->blob);
    EXPECT_EQ(done->blob->digest, sha256("abcd"));
}

TEST_F(UploadFilesTest, AFailureThatMayPassLeavesTheUploadAtItsEnd) {
    const auto id = create(4, sha256("abcd"));
    const auto in_the_way = test.blobs->path_of(sha256("abcd"));
    std::filesystem::create_directories(in_the_way);
    const auto failed = append(id, 0, "abcd");
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().code, Errc::corrupt);
    EXPECT_EQ(files.get(id, "ann")->offset, 4U);
    std::filesystem::remove(in_the_way);
    const auto done = append(id, 4, "");
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_TRUE(done->blob);
    EXPECT_EQ(files.get(id, "ann").error().code, Errc::not_found);
}

TEST_F(UploadFilesTest, WrongHashEndsTheUpload) {
    const auto id = create(3, sha256("other"));
    const auto done = append(id, 0, "abc");
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::corrupt);
    EXPECT_EQ(files.get(id, "ann").error().code, Errc::not_found);
    EXPECT_FALSE(test.blobs->contains(sha256("abc")));
}

TEST_F(UploadFilesTest, OnlyOneWriterAtTheRightPlaceAndNotTooMuch) {
    const auto id = create(3);
    EXPECT_EQ(files.append(id, "ann", 1).error().code, Errc::conflict);
    {
        const auto writer = files.append(id, "ann", 0);
        ASSERT_TRUE(writer);
        EXPECT_EQ(files.append(id, "ann", 0).error().code, Errc::conflict);
        EXPECT_EQ((*writer)->write(as_bytes("abcd")).error().code, Errc::invalid);
    }
    EXPECT_TRUE(files.append(id, "ann", 0));
}

TEST_F(UploadFilesTest, SomebodyElsesUploadIsUnknown) {
    const auto id = create(3);
    EXPECT_EQ(files.get(id, "bob").error().code, Errc::not_found);
    EXPECT_EQ(files.append(id, "bob", 0).error().code, Errc::not_found);
    EXPECT_EQ(files.remove(id, "bob").error().code, Errc::not_found);
    EXPECT_TRUE(files.remove(id, "ann"));
}

TEST_F(UploadFilesTest, ExpiredUploadsGoWithTheirFiles) {
    const auto id = create(3);
    test.clock.advance(std::chrono::hours(2));
    const auto removed = files.remove_expired();
    ASSERT_TRUE(removed) << removed.error().message;
    EXPECT_EQ(*removed, 1U);
    EXPECT_FALSE(std::filesystem::exists(test.folder.path() / "uploads" / id));
}

TEST_F(UploadFilesTest, WhatIsBeingWrittenDoesNotExpire) {
    const auto id = create(3, sha256("abc"));
    {
        const auto slow = files.append(id, "ann", 0);
        ASSERT_TRUE(slow);
        ASSERT_TRUE((*slow)->write(as_bytes(std::string_view("abc"))));
        test.clock.advance(std::chrono::hours(2));
        EXPECT_EQ(files.remove_expired().value(), 0U);
        const auto done = (*slow)->finish();
        ASSERT_TRUE(done) << done.error().message;
        EXPECT_TRUE(done->blob);
    }
    EXPECT_EQ(files.remove_expired().value(), 0U);
}

}  // namespace
}  // namespace strandline::hub
