#include "trust/envelope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trust/pae.h"
#include "trust/test_samples.h"

namespace strandline::trust {
namespace {

using ::testing::HasSubstr;

TEST(Envelope, SignsTheBytesThatDsseSays) {
    // The example of secure-systems-lab/dsse, protocol.md.
    EXPECT_EQ(pre_authentication_encoding("http://example.com/HelloWorld", "hello world"),
              "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    EXPECT_EQ(pre_authentication_encoding("", ""), "DSSEv1 0  0 ");
    EXPECT_EQ(pre_authentication_encoding("t", "größe"), "DSSEv1 1 t 7 größe")
        << "lengths are of bytes";
}

TEST(Envelope, HasTheGoldenForm) {
    const auto envelope =
        sign_envelope(manifest_type, to_json(test::sample_manifest()), test::fixed_key());
    ASSERT_TRUE(envelope);
    const auto json = to_json(*envelope);
    EXPECT_EQ(json, test::golden("envelope.json", json));
}

TEST(Envelope, ComesBackAndVerifies) {
    const auto key = test::fixed_key();
    std::string payload("any \0 bytes \xff", 13);
    const auto envelope = sign_envelope(desired_type, payload, key);
    const auto read = envelope_from_json(to_json(*envelope));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->digest(), sha256(payload));
    const auto verified = verify_envelope(*read, desired_type, std::span(&key.public_key(), 1));
    ASSERT_TRUE(verified) << verified.error().message;
    EXPECT_EQ(*verified, payload);
}

TEST(Envelope, RefusesWhatNobodyTrustedSigned) {
    const auto key = *SigningKey::generate();
    const auto other = *SigningKey::generate();
    const std::vector trusted{key.public_key()};
    const auto good = *sign_envelope(desired_type, "payload", key);
    auto content = good;
    content.payload = "Payload";
    auto type = good;
    type.payload_type = manifest_type;
    auto none = good;
    none.signatures.clear();
    auto stranger = *sign_envelope(desired_type, "payload", other);
    auto disguised = stranger;
    disguised.signatures[0].key_id = key.public_key().id;
    struct Case {
        const Envelope& envelope;
        std::string_view word;
    };
    const Case cases[] = {{content, "does not match"},
                          {type, "expected is"},
                          {none, "trusted"},
                          {stranger, "trusted"},
                          {disguised, "does not match"}};
    for (const auto& test : cases) {
        const auto verified = verify_envelope(test.envelope, desired_type, trusted);
        ASSERT_FALSE(verified) << test.word;
        EXPECT_EQ(verified.error().code, Errc::unauthenticated);
        EXPECT_THAT(verified.error().message, HasSubstr(test.word));
    }
    EXPECT_FALSE(verify_envelope(good, desired_type, {}));
    EXPECT_TRUE(verify_envelope(good, desired_type, trusted));
}

TEST(Envelope, OneGoodSignatureOfSeveralIsEnough) {
    const auto key = *SigningKey::generate();
    auto envelope = *sign_envelope(desired_type, "payload", *SigningKey::generate());
    ASSERT_TRUE(add_signature(envelope, key));
    EXPECT_EQ(envelope.signatures.size(), 2U);
    EXPECT_TRUE(verify_envelope(envelope, desired_type, std::span(&key.public_key(), 1)));
    envelope.signatures[1].key_id.clear();
    EXPECT_TRUE(verify_envelope(envelope, desired_type, std::span(&key.public_key(), 1)))
        << "the id is a hint";
}

TEST(Envelope, RefusesMalformedJson) {
    std::string many = R"({"payloadType":"t","payload":"","signatures":[)";
    for (int i = 0; i < 17; ++i)
        many += (i == 0 ? "" : ",") + std::string(R"({"keyid":"a","sig":""})");
    many += "]}";
    const std::string cases[] = {
        "",
        "[]",
        "{}",
        R"({"payloadType":"t","payload":"!","signatures":[]})",
        R"({"payloadType":"t","payload":"YQ=","signatures":[]})",
        R"({"payloadType":1,"payload":"","signatures":[]})",
        R"({"payloadType":"t","payload":"","signatures":{}})",
        R"({"payloadType":"t","payload":"","signatures":[1]})",
        R"({"payloadType":"t","payload":"","signatures":[{"keyid":"a"}]})",
        R"({"payloadType":"t","payload":"","signatures":[],"extra":1})",
        R"({"payloadType":"t","payload":"","signatures":[[[[[[]]]]]]})",
        many,
        std::string(1'100'000, ' '),
    };
    for (const auto& json : cases) {
        const auto envelope = envelope_from_json(json);
        ASSERT_FALSE(envelope) << json.substr(0, 80);
        EXPECT_EQ(envelope.error().code, Errc::invalid);
    }
}

}  // namespace
}  // namespace strandline::trust
