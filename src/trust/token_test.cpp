#include "trust/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strandline::trust {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string ca = sha256("ca").hex();

TEST(Token, SurvivesItsText) {
    for (const auto kind : {join_token_kind, operator_token_kind}) {
        const auto token = Token::make(kind, ca);
        const auto parsed = Token::parse(token.text(), kind);
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_EQ(parsed->text(), token.text());
        EXPECT_EQ(parsed->id, token.id);
        EXPECT_EQ(parsed->secret, token.secret);
        EXPECT_EQ(parsed->ca_sha256, ca);
        EXPECT_EQ(token.secret.size(), 52U);
    }
}

TEST(Token, IsNeverTheSameTwice) {
    EXPECT_NE(Token::make(join_token_kind, ca).secret, Token::make(join_token_kind, ca).secret);
    SeededRandom one(1);
    SeededRandom same(1);
    EXPECT_EQ(Token::make(join_token_kind, ca, one).text(),
              Token::make(join_token_kind, ca, same).text());
}

TEST(Token, RefusesOtherTextWithoutRepeatingIt) {
    const std::string secret = "hunter2hunter2";
    const std::string cases[] = {"",
                                 secret,
                                 "slj1.id." + secret,
                                 "slj1.id." + secret + ".",
                                 "slj1.id." + secret + "." + ca.substr(1),
                                 "slj1.id." + secret + "." + ca + ".x",
                                 "slj1.id." + secret + "." + ca + "\n",
                                 " slj1.id." + secret + "." + ca,
                                 "slj1..x." + ca,
                                 "slj1.id.." + ca,
                                 "slj1.i d." + secret + "." + ca,
                                 "slj1.id.." + secret + ca,
                                 "slj2.id." + secret + "." + ca,
                                 "slj1." + std::string(65, 'a') + "." + secret + "." + ca,
                                 "slj1.id." + std::string(100'000, 'a') + "." + ca,
                                 "slo1.id." + secret + "." + ca};
    for (const auto& text : cases) {
        const auto parsed = Token::parse(text, join_token_kind);
        ASSERT_FALSE(parsed) << text.substr(0, 100);
        EXPECT_EQ(parsed.error().code, Errc::invalid);
        EXPECT_THAT(parsed.error().message, Not(HasSubstr(secret)));
    }
    EXPECT_THAT(Token::parse("slo1.id." + secret + "." + ca, join_token_kind).error().message,
                HasSubstr("operator token"));
}

TEST(Token, IsComparedByHash) {
    const auto stored = secret_hash("secret");
    EXPECT_TRUE(secret_matches("secret", stored));
    EXPECT_FALSE(secret_matches("Secret", stored));
    EXPECT_FALSE(secret_matches("", stored));
    EXPECT_NE(stored.hex().find_first_not_of('0'), std::string::npos);
}

}  // namespace
}  // namespace strandline::trust
