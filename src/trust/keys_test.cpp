#include "trust/keys.h"

#include <gtest/gtest.h>

#include "trust/test_samples.h"

namespace strandline::trust {
namespace {

TEST(Keys, FollowRfc8032) {
    const auto key = test::fixed_key();
    EXPECT_EQ(to_hex(key.public_key().bytes),
              "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    const auto signature = key.sign(as_bytes("\x72"));
    ASSERT_TRUE(signature);
    EXPECT_EQ(to_hex(*signature),
              "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
              "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    EXPECT_TRUE(key.public_key().verify(as_bytes("\x72"), *signature));
}

TEST(Keys, RefuseEveryChange) {
    const auto key = SigningKey::generate();
    ASSERT_TRUE(key);
    const std::string message = "message";
    auto signature = *key->sign(as_bytes(message));
    ASSERT_TRUE(key->public_key().verify(as_bytes(message), signature));
    EXPECT_FALSE(key->public_key().verify(as_bytes("massage"), signature));
    EXPECT_FALSE(SigningKey::generate()->public_key().verify(as_bytes(message), signature));
    for (std::size_t i = 0; i < signature.size(); ++i) {
        signature[i] ^= std::byte{1};
        EXPECT_FALSE(key->public_key().verify(as_bytes(message), signature)) << i;
        signature[i] ^= std::byte{1};
    }
    EXPECT_FALSE(key->public_key().verify(as_bytes(message), ByteSpan(signature).first(63)));
    EXPECT_FALSE(key->public_key().verify(as_bytes(message), {}));
}

TEST(Keys, SurviveTheirPem) {
    const auto key = SigningKey::generate();
    const auto pem = key->to_pem();
    ASSERT_TRUE(pem);
    const auto again = SigningKey::from_pem(*pem);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->public_key(), key->public_key());
    EXPECT_EQ(key->public_key().id.size(), 16U);
    EXPECT_EQ(key->public_key().id, sha256(ByteSpan(key->public_key().bytes)).hex().substr(0, 16));
    EXPECT_EQ(*PublicKey::from_bytes(key->public_key().bytes), key->public_key());
}

TEST(Keys, RefuseHostilePem) {
    const std::string pem = *SigningKey::generate()->to_pem();
    const std::string other =
        "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END "
        "PRIVATE KEY-----\n";
    const std::string cases[] = {
        "",
        "text",
        pem.substr(0, pem.size() / 2),
        other,
        std::string(100'000, '-'),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGb\n-----END ENCRYPTED PRIVATE KEY-----\n"};
    for (const auto& text : cases) {
        const auto key = SigningKey::from_pem(text);
        ASSERT_FALSE(key) << text;
        EXPECT_EQ(key.error().code, Errc::invalid);
    }
    for (const std::size_t size : {0U, 31U, 33U}) EXPECT_FALSE(PublicKey::from_bytes(Bytes(size)));
}

}  // namespace
}  // namespace strandline::trust
