#include "hub/backup/backup_record.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "hub/state/blob_hold.h"
#include "hub/test_folder.h"

namespace strandline::hub {
namespace {

BackupRecord record() {
    BackupRecord out;
    out.version = "1.2.3";
    out.made = from_unix_ms(1'795'000'000'123);
    out.schema = 4;
    out.ca_sha256 = std::string(64, 'a');
    out.files = {{"hub.db", 10, sha256("x")}, {"keys/ca/ca.key", 20, sha256("y")}};
    out.blobs = 3;
    out.blob_bytes = 300;
    return out;
}

TEST(BackupRecord, ReadsBackWhatItWrote) {
    const auto read = backup_record_from_json(to_json(record()));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, record());
}

TEST(BackupRecord, RefusesPathsThatLeadElsewhere) {
    for (const auto* path :
         {"/etc/passwd", "../hub.db", "keys/../../x", "", "keys//x", ".", "keys/./x", "keys\\x"}) {
        auto bad = record();
        bad.files[0].path = path;
        const auto read = backup_record_from_json(to_json(bad));
        ASSERT_FALSE(read) << path;
        EXPECT_EQ(read.error().code, Errc::invalid) << path;
    }
}

TEST(BackupRecord, SaysWhichVersionANewerFormatNeeds) {
    auto text = to_json(record());
    text.replace(text.find("\"format\":1"), 10, "\"format\":9");
    const auto read = backup_record_from_json(text);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::conflict);
    EXPECT_NE(read.error().message.find("1.2.3"), std::string::npos);
}

TEST(BlobHold, BackupsKeepOthersFromRemoving) {
    const TestFolder folder;
    {
        const auto one = BlobHold::together(folder.path(), Deadline::never());
        const auto two = BlobHold::together(folder.path(), Deadline::never());
        ASSERT_TRUE(one && two);
        const auto alone = BlobHold::alone(folder.path());
        ASSERT_TRUE(alone);
        EXPECT_FALSE(*alone);
    }
    const auto alone = BlobHold::alone(folder.path());
    ASSERT_TRUE(alone && *alone);
    const auto late = BlobHold::together(folder.path(), Deadline::after(std::chrono::seconds(0)));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Errc::timeout);
}

}  // namespace
}  // namespace strandline::hub
