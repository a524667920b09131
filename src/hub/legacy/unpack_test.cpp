#include "hub/legacy/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include "hub/test_folder.h"

namespace strandline::hub {
namespace {

struct Member {
    std::string path;
    std::string body;
    bool link = false;
};

class UnpackTest : public testing::Test {
protected:
    std::filesystem::path zip(const std::vector<Member>& members) {
        auto path = folder.path() / "test.zip";
        auto* out = archive_write_new();
        archive_write_set_format_zip(out);
        EXPECT_EQ(archive_write_open_filename(out, path.c_str()), ARCHIVE_OK);
        for (const auto& member : members) {
            auto* entry = archive_entry_new();
            archive_entry_set_pathname(entry, member.path.c_str());
            archive_entry_set_perm(entry, 0644);
            archive_entry_set_filetype(entry, member.link ? AE_IFLNK : AE_IFREG);
            if (member.link) archive_entry_set_symlink(entry, member.body.c_str());
            archive_entry_set_size(entry,
                                   member.link ? 0 : static_cast<la_int64_t>(member.body.size()));
            EXPECT_EQ(archive_write_header(out, entry), ARCHIVE_OK) << member.path;
            if (!member.link) archive_write_data(out, member.body.data(), member.body.size());
            archive_entry_free(entry);
        }
        archive_write_free(out);
        return path;
    }

    TestFolder folder;
    std::unique_ptr<store::BlobStore> blobs =
        store::BlobStore::open(folder.path() / "store").value();
};

TEST_F(UnpackTest, MembersBecomeBlobs) {
    const auto files =
        unpack_zip(zip({{"model.onnx", "weights"}, {"doc/label.txt", "leaf"}}), *blobs);
    ASSERT_TRUE(files) << files.error().message;
    ASSERT_EQ(files->size(), 2U);
    EXPECT_EQ(files->at(0).path, "model.onnx");
    EXPECT_EQ(files->at(0).sha256, sha256("weights"));
    EXPECT_TRUE(blobs->contains(sha256("leaf")));
}

TEST_F(UnpackTest, HostileArchivesAreRefused) {
    const std::vector<std::vector<Member>> bad{
        {{"../evil", "x"}},
        {{"/etc/evil", "x"}},
        {{"a/../../evil", "x"}},
        {{"link", "/etc/passwd", true}},
        {{"bomb", std::string(4'000'000, '\0')}},
        {},
    };
    for (std::size_t i = 0; i < bad.size(); ++i) {
        const auto files = unpack_zip(zip(bad[i]), *blobs);
        ASSERT_FALSE(files) << i;
        EXPECT_EQ(files.error().code, Errc::invalid) << files.error().message;
    }
}

TEST_F(UnpackTest, LimitsHold) {
    const auto path = zip({{"a", "123"}, {"b", "456"}});
    EXPECT_FALSE(unpack_zip(path, *blobs, {.max_files = 1}));
    EXPECT_FALSE(unpack_zip(path, *blobs, {.max_bytes = 5}));
    EXPECT_TRUE(unpack_zip(path, *blobs, {.max_files = 2, .max_bytes = 6}));
}

TEST_F(UnpackTest, TruncatedArchiveIsRefused) {
    const auto path = zip({{"a", std::string(5000, 'a')}, {"b", "456"}});
    std::filesystem::resize_file(path, 20);
    EXPECT_FALSE(unpack_zip(path, *blobs));
}

}  // namespace
}  // namespace strandline::hub
