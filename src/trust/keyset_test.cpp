#include "trust/keyset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trust/test_samples.h"

namespace strandline::trust {
namespace {

using ::testing::HasSubstr;

struct KeySetTest : ::testing::Test {
    SigningKey root = *SigningKey::generate();
    SigningKey new_root = *SigningKey::generate();
    SigningKey signer = *SigningKey::generate();

    KeySet make(std::int64_t version, const SigningKey& by) const {
        return {version, {by.public_key()}, {signer.public_key()}, {signer.public_key()}};
    }
    static Envelope sign(const KeySet& keys, const SigningKey& by) {
        return *sign_envelope(keyset_type, to_json(keys), by);
    }
};

TEST_F(KeySetTest, HasTheGoldenForm) {
    const auto key = test::fixed_key();
    const KeySet keys{7, {key.public_key()}, {key.public_key()}, {key.public_key()}};
    const auto json = to_json(keys);
    EXPECT_EQ(json, test::golden("keyset.json", json));
    EXPECT_EQ(*keyset_from_json(json), keys);
}

TEST_F(KeySetTest, TheFirstMustVouchForItself) {
    const auto first = first_keyset(sign(make(1, root), root));
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(*first, make(1, root));
    const auto foreign = first_keyset(sign(make(1, root), new_root));
    ASSERT_FALSE(foreign);
    EXPECT_EQ(foreign.error().code, Errc::unauthenticated);
    auto typed = sign(make(1, root), root);
    typed.payload_type = manifest_type;
    EXPECT_EQ(first_keyset(typed).error().code, Errc::unauthenticated);
}

TEST_F(KeySetTest, MovesForwardOnly) {
    const auto current = make(5, root);
    EXPECT_EQ(advance_keyset(current, sign(make(6, root), root))->version, 6);
    EXPECT_EQ(advance_keyset(current, sign(make(9, root), root))->version, 9);
    EXPECT_EQ(*advance_keyset(current, sign(current, root)), current);
    const auto rollback = advance_keyset(current, sign(make(4, root), root));
    ASSERT_FALSE(rollback);
    EXPECT_EQ(rollback.error().code, Errc::conflict);
    EXPECT_THAT(rollback.error().message, HasSubstr("rollback"));
    auto other = current;
    other.manifest = {root.public_key()};
    EXPECT_EQ(advance_keyset(current, sign(other, root)).error().code, Errc::conflict);
}

TEST_F(KeySetTest, RootChangesHandWithBothSignatures) {
    const auto current = make(1, root);
    const auto next = make(2, new_root);
    auto envelope = sign(next, root);
    EXPECT_EQ(advance_keyset(current, envelope).error().code, Errc::unauthenticated)
        << "the old root alone";
    EXPECT_EQ(advance_keyset(current, sign(next, new_root)).error().code, Errc::unauthenticated)
        << "the new alone";
    ASSERT_TRUE(add_signature(envelope, new_root));
    const auto advanced = advance_keyset(current, envelope);
    ASSERT_TRUE(advanced) << advanced.error().message;
    EXPECT_EQ(*advanced, next);
    EXPECT_EQ(advance_keyset(next, sign(make(3, root), root)).error().code, Errc::unauthenticated)
        << "root is retired";
}

TEST_F(KeySetTest, RefusesMalformedJson) {
    const auto json = to_json(make(1, root));
    const std::string cases[] = {
        "",
        "{}",
        R"({"format":1,"version":0,"root":[],"manifest":[],"desired":[]})",
        R"({"format":1,"version":1,"root":[],"manifest":[],"desired":[]})",
        R"({"format":1,"version":1,"root":["YQ=="],"manifest":["YQ=="],"desired":["YQ=="]})",
        R"({"format":1,"version":1,"root":["?"],"manifest":[],"desired":[]})",
        json + " x"};
    for (const auto& text : cases) {
        const auto keys = keyset_from_json(text);
        ASSERT_FALSE(keys) << text;
        EXPECT_EQ(keys.error().code, Errc::invalid);
    }
}

}  // namespace
}  // namespace strandline::trust
