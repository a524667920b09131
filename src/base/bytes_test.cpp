#include "base/bytes.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/sha256.h"

namespace strandline {
namespace {

TEST(Hex, RoundTripsAndRefusesBadText) {
    EXPECT_EQ(to_hex(as_bytes("\x01\xfe~")), "01fe7e");
    EXPECT_EQ(as_text(from_hex("4a4B").value()), "JK");
    for (const char* bad : {"0", "0g", "zz", "0 "}) EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
    const std::pair<std::string_view, std::string_view> vectors[] = {
        {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
        {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, coded] : vectors) {
        EXPECT_EQ(to_base64(as_bytes(plain)), coded);
        EXPECT_EQ(as_text(from_base64(coded).value()), plain);
    }
}

TEST(Base64, RefusesEveryOtherSpelling) {
    for (const char* bad :
         {"Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zm9v\n", "Zm 9", "Zm9_"}) {
        EXPECT_FALSE(from_base64(bad)) << bad;
    }
}

TEST(Base64, RoundTripsRandomBytes) {
    SeededRandom random(7);
    for (std::size_t size = 0; size < 100; ++size) {
        Bytes bytes(size);
        random.fill(bytes);
        EXPECT_EQ(from_base64(to_base64(bytes)).value(), bytes);
        EXPECT_EQ(from_hex(to_hex(bytes)).value(), bytes);
    }
}

TEST(LittleEndian, StoresAndLoads) {
    Bytes out;
    append_le<std::uint32_t>(out, 0x01020304);
    append_le<std::uint64_t>(out, 0xfffefdfcfbfaf9f8);
    EXPECT_EQ(to_hex(out), "04030201f8f9fafbfcfdfeff");
    EXPECT_EQ(load_le<std::uint32_t>(out), 0x01020304U);
    EXPECT_EQ(load_le<std::uint64_t>(ByteSpan(out).subspan(4)), 0xfffefdfcfbfaf9f8U);
}

TEST(ConstantTime, ComparesContentAndLength) {
    EXPECT_TRUE(equal_constant_time(as_bytes("abc"), as_bytes("abc")));
    EXPECT_FALSE(equal_constant_time(as_bytes("abc"), as_bytes("abd")));
    EXPECT_FALSE(equal_constant_time(as_bytes("abc"), as_bytes("ab")));
}

TEST(Sha256, MatchesTheVectorsOfFips180) {
    EXPECT_EQ(sha256("abc").hex(),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256("").hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    Sha256 hash;
    hash.update(as_bytes("a"));
    hash.update(as_bytes("bc"));
    EXPECT_EQ(hash.finish(), sha256("abc"));
    hash.update(as_bytes("abc"));
    EXPECT_EQ(hash.finish(), sha256("abc")) << "usable again after finish";
}

TEST(Sha256, ParsesOnlyItsCanonicalText) {
    const std::string text = sha256("abc").hex();
    EXPECT_EQ(Sha256Digest::from_hex(text).value(), sha256("abc"));
    EXPECT_FALSE(Sha256Digest::from_hex(text.substr(1)));
    EXPECT_FALSE(Sha256Digest::from_hex("BA" + text.substr(2)));
    EXPECT_FALSE(Sha256Digest::from_hex("g" + text.substr(1)));
}

}  // namespace
}  // namespace strandline
