#include "gateway/content_coding.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace strandline::gateway {
namespace {

constexpr std::size_t limit = 1 << 20;

std::string from_hex_text(std::string_view hex) {
    const auto bytes = from_hex(hex);
    return bytes ? std::string(as_text(*bytes)) : std::string();
}

TEST(ContentCoding, DecodesWhatItEncodes) {
    const std::string text = std::string(100'000, 'a') + "end";
    for (const auto coding :
         {ContentCoding::identity, ContentCoding::gzip, ContentCoding::deflate}) {
        for (const auto& plain : {text, std::string(), std::string("x")}) {
            const auto coded = encode_content(coding, plain);
            ASSERT_TRUE(coded);
            const auto back = decode_content(coding, *coded, limit);
            ASSERT_TRUE(back) << to_string(coding) << ": " << back.error().message;
            EXPECT_EQ(*back, plain);
        }
    }
}

TEST(ContentCoding, DecodesBytesOfOtherPrograms) {
    // "hello" by Python: gzip.compress(mtime=0), zlib.compress, and zlib with wbits=-15.
    const auto gzip = from_hex_text("1f8b0800000000000203cb48cdc9c9070086a6103605000000");
    const auto zlib = from_hex_text("789ccb48cdc9c90700062c0215");
    const auto bare = from_hex_text("cb48cdc9c90700");
    EXPECT_EQ(decode_content(ContentCoding::gzip, gzip, limit).value_or(""), "hello");
    EXPECT_EQ(decode_content(ContentCoding::gzip, gzip + gzip, limit).value_or(""), "hellohello");
    EXPECT_EQ(decode_content(ContentCoding::deflate, zlib, limit).value_or(""), "hello");
    EXPECT_EQ(decode_content(ContentCoding::deflate, bare, limit).value_or(""), "hello");
}

TEST(ContentCoding, RefusesDamagedAndUnfinishedBodies) {
    const auto whole =
        encode_content(ContentCoding::gzip, "some text that is long enough").value_or("");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto cut =
            decode_content(ContentCoding::gzip, std::string_view(whole).substr(0, size), limit);
        ASSERT_FALSE(cut) << size;
        EXPECT_EQ(cut.error().code, Errc::invalid);
    }
    auto flipped = whole;
    flipped[whole.size() - 6] ^= 1;  // the checksum
    EXPECT_FALSE(decode_content(ContentCoding::gzip, flipped, limit));
    EXPECT_FALSE(decode_content(ContentCoding::gzip, whole + "x", limit));
    EXPECT_FALSE(decode_content(ContentCoding::deflate, "not compressed", limit));
}

TEST(ContentCoding, StopsABombAtTheLimit) {
    std::string zeros;
    zeros.resize(10'000'000);
    const auto bomb = encode_content(ContentCoding::gzip, zeros).value_or("");
    ASSERT_LT(bomb.size(), 100'000U);
    const auto decoded = decode_content(ContentCoding::gzip, bomb, 1'000'000);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().message, "the body decompresses to more than 1000000 bytes");
    EXPECT_TRUE(decode_content(ContentCoding::gzip, bomb, 10'000'000));
    EXPECT_FALSE(decode_content(ContentCoding::gzip, bomb, 9'999'999));
}

TEST(ContentCoding, ChoosesWhatTheClientLikesBest) {
    struct Case {
        const char* field;
        ContentCoding coding;
    };
    const Case cases[] = {
        {"", ContentCoding::identity},
        {"deflate", ContentCoding::deflate},
        {"gzip, deflate, br", ContentCoding::gzip},
        {"br;q=1.0, deflate;q=0.8, gzip;q=0.2", ContentCoding::deflate},
        {"gzip;q=0", ContentCoding::identity},
        {"GZIP ; q=0.5", ContentCoding::gzip},
        {"identity;q=0.9, gzip;q=0.1", ContentCoding::identity},
        {"gzip;q=x, ,;;", ContentCoding::identity},
        {"*", ContentCoding::identity},
    };
    for (const auto& one : cases) EXPECT_EQ(choose_coding(one.field), one.coding) << one.field;
    EXPECT_FALSE(parse_content_encoding("br"));
    EXPECT_FALSE(parse_content_encoding("gzip, gzip"));
}

}  // namespace
}  // namespace strandline::gateway
