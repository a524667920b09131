#include "hub/transfer/open_blobs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "hub/test_folder.h"

namespace strandline::hub {
namespace {

class OpenBlobsTest : public testing::Test {
protected:
    Sha256Digest store(const std::string& text) {
        return blobs->put(as_bytes(text)).value().digest;
    }
    static std::string text_of(const OpenBlob& blob) {
        std::string text(blob.size, '\0');
        EXPECT_TRUE(read_exactly_at(blob.file->get(), 0, std::as_writable_bytes(std::span(text))));
        return text;
    }

    TestFolder folder;
    std::unique_ptr<store::BlobStore> blobs = store::BlobStore::open(folder.path()).value();
    OpenBlobs open{*blobs};
};

TEST_F(OpenBlobsTest, FindsOnlyWhatIsOpen) {
    const auto digest = store("some bytes");
    EXPECT_FALSE(open.find(digest));
    const auto first = open.open(digest);
    ASSERT_TRUE(first) << first.error().message;
    const auto again = open.find(digest);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->file, first->file);
    EXPECT_EQ(text_of(*again), "some bytes");
}

TEST_F(OpenBlobsTest, NamesABlobThatIsNotThere) {
    const auto digest = sha256("nobody stored this");
    const auto opened = open.open(digest);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::not_found);
    EXPECT_NE(opened.error().message.find(digest.hex()), std::string::npos);
}

TEST_F(OpenBlobsTest, ARemovedBlobIsNotFound) {
    const auto digest = store("goes away");
    ASSERT_TRUE(open.open(digest));
    ASSERT_TRUE(blobs->remove(digest));
    EXPECT_FALSE(open.find(digest));
    EXPECT_FALSE(open.open(digest));
    EXPECT_EQ(open.size(), 0U);
}

TEST_F(OpenBlobsTest, ARunningTransferKeepsWhatItHas) {
    const auto digest = store("still read");
    const auto held = open.open(digest).value();
    ASSERT_TRUE(blobs->remove(digest));
    open.close_removed();
    EXPECT_EQ(open.size(), 0U);
    EXPECT_EQ(text_of(held), "still read");
}

TEST_F(OpenBlobsTest, KeepsThoseUsedLast) {
    const auto favourite = store("favourite");
    ASSERT_TRUE(open.open(favourite));
    for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(open.open(store("blob " + std::to_string(i))));
        ASSERT_TRUE(open.find(favourite)) << i;
    }
    EXPECT_LE(open.size(), 64U);
    EXPECT_FALSE(open.find(sha256("blob 0")));
}

}  // namespace
}  // namespace strandline::hub
