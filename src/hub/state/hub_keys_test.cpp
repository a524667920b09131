#include "hub/state/hub_keys.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "hub/test_folder.h"
#include "trust/envelope.h"

namespace strandline::hub {
namespace {

TEST(HubKeys, SecondStartLoadsTheSameKeys) {
    const TestFolder folder;
    const auto first = open_or_create_keys(folder.path() / "keys");
    ASSERT_TRUE(first) << first.error().message;
    const auto second = open_or_create_keys(folder.path() / "keys");
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(first->root.public_key(), second->root.public_key());
    EXPECT_EQ(first->manifest.public_key(), second->manifest.public_key());
    EXPECT_EQ(first->desired.public_key(), second->desired.public_key());
    EXPECT_EQ(first->keyset_envelope, second->keyset_envelope);
}

TEST(HubKeys, CrashBeforeTheFirstKeySetKeepsTheRootKey) {
    const TestFolder folder;
    const auto first = open_or_create_keys(folder.path());
    ASSERT_TRUE(first);
    ASSERT_TRUE(remove_file(folder.path() / "keyset.json"));
    const auto again = open_or_create_keys(folder.path());
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(first->root.public_key(), again->root.public_key());
}

TEST(HubKeys, RotationIsAcceptedByADeviceThatKnewTheOldSet) {
    const TestFolder folder;
    const auto before = open_or_create_keys(folder.path());
    ASSERT_TRUE(before);
    const auto after = rotate_keys(folder.path(), true);
    ASSERT_TRUE(after) << after.error().message;
    const auto envelope = trust::envelope_from_json(after->keyset_envelope);
    ASSERT_TRUE(envelope);
    const auto advanced = trust::advance_keyset(before->keyset, *envelope);
    ASSERT_TRUE(advanced) << advanced.error().message;
    EXPECT_EQ(advanced->version, 2);
    EXPECT_EQ(advanced->manifest.size(), 2U);
    EXPECT_EQ(advanced->desired, std::vector{after->desired.public_key()});
    EXPECT_NE(before->desired.public_key(), after->desired.public_key());
    const auto loaded = open_or_create_keys(folder.path());
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->manifest.public_key(), after->manifest.public_key());
}

TEST(HubKeys, RotationCanRetireTheOldManifestKey) {
    const TestFolder folder;
    ASSERT_TRUE(open_or_create_keys(folder.path()));
    const auto after = rotate_keys(folder.path(), false);
    ASSERT_TRUE(after);
    EXPECT_EQ(after->keyset.manifest, std::vector{after->manifest.public_key()});
}

TEST(HubKeys, DamagedKeyFileIsNamed) {
    const TestFolder folder;
    ASSERT_TRUE(open_or_create_keys(folder.path()));
    ASSERT_TRUE(write_file_atomically(folder.path() / "desired-1.pem", as_bytes("junk")));
    const auto loaded = open_or_create_keys(folder.path());
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find("desired-1.pem"), std::string::npos);
}

}  // namespace
}  // namespace strandline::hub
