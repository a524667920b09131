#include "delta/format/varint.h"

#include <gtest/gtest.h>
#include <limits>
#include <vector>

namespace strandline::delta {
namespace {

TEST(Varint, ComesBackAsItWas) {
    const std::vector<std::uint64_t> values{0,
                                            1,
                                            127,
                                            128,
                                            300,
                                            0xffffffffu,
                                            std::uint64_t{1} << 63,
                                            std::numeric_limits<std::uint64_t>::max()};
    for (const auto value : values) {
        Bytes bytes;
        append_varint(bytes, value);
        FieldReader in(bytes);
        EXPECT_EQ(in.varint(), value);
        EXPECT_TRUE(in.ok());
        EXPECT_EQ(in.left(), 0u);
    }
}

TEST(Varint, RefusesTruncatedAndOversizedOnes) {
    const std::vector<Bytes> bad{
        {},
        {std::byte{0x80}},
        Bytes(10, std::byte{0xff}),
        Bytes(11, std::byte{0x80}),
        {std::byte{0x80}, std::byte{0x80}, std::byte{0x80}, std::byte{0x80}, std::byte{0x80},
         std::byte{0x80}, std::byte{0x80}, std::byte{0x80}, std::byte{0x80}, std::byte{0x02}},
    };
    for (const auto& bytes : bad) {
        FieldReader in(bytes);
        EXPECT_EQ(in.varint(), 0u);
        EXPECT_FALSE(in.ok());
        EXPECT_EQ(in.byte(), 0u) << "a failed reader gives zeros";
    }
}

TEST(Zigzag, IsItsOwnInverse) {
    for (const std::int64_t value :
         {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1},
          std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
        EXPECT_EQ(unzigzag(zigzag(value)), value);
    }
    EXPECT_EQ(zigzag(-1), 1u);
    EXPECT_EQ(zigzag(1), 2u);
}

}  // namespace
}  // namespace strandline::delta
