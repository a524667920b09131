#include "delta/format/crc32c.h"

#include <gtest/gtest.h>
#include <string>

namespace strandline::delta {
namespace {

// RFC 3720 appendix B.4 and the usual check value.
TEST(Crc32c, GivesPublishedValues) {
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\0'))), 0x8a9136aau);
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\xff'))), 0x62a8ab43u);
    EXPECT_EQ(crc32c({}), 0u);
}

TEST(Crc32c, ContinuesAcrossPiecesOfAnySize) {
    const std::string text = "the strandline is where sea meets land";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        const auto first = crc32c(as_bytes(text).first(cut));
        EXPECT_EQ(crc32c(as_bytes(text).subspan(cut), first), crc32c(as_bytes(text))) << cut;
    }
}

TEST(Crc32c, IsTheSameWithoutSpecialInstructions) {
    const std::string text = "the strandline is where sea meets land";
    for (std::size_t begin = 0; begin < text.size(); ++begin) {
        const auto part = as_bytes(text).subspan(begin);
        EXPECT_EQ(crc32c(part, 7), crc32c_portable(part, 7)) << begin;
    }
    std::string long_text(20'000, '\0');
    for (std::size_t i = 0; i < long_text.size(); ++i)
        long_text[i] = static_cast<char>(i * i >> 5 ^ i);
    for (std::size_t size = 0; size < long_text.size(); size += 509) {
        const auto part = as_bytes(long_text).last(size);
        EXPECT_EQ(crc32c(part, 7), crc32c_portable(part, 7)) << size;
    }
}

}  // namespace
}  // namespace strandline::delta
