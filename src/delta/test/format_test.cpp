#include <fstream>
#include <gtest/gtest.h>
#include <string>

#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

// The hexadecimal dump in section 8 of the format's description.
Bytes worked_example() {
    std::ifstream in(std::string(STRANDLINE_SOURCE_DIR) + "/src/delta/format.md");
    Bytes bytes;
    std::string line;
    while (std::getline(in, line)) {
        const bool is_dump = line.size() > 6 && line.compare(4, 2, "  ") == 0 && line[0] == '0';
        if (!is_dump) continue;
        std::string digits = line.substr(6);
        std::erase(digits, ' ');
        const auto part = from_hex(digits);
        EXPECT_TRUE(part) << line;
        if (part) bytes.insert(bytes.end(), part->begin(), part->end());
    }
    return bytes;
}

TEST(Format, TheWorkedExampleIsRight) {
    const auto back = decode(as_bytes("strandline model 1\n"), worked_example());
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(as_text(*back), "strandline model 2\n--------");
}

}  // namespace
}  // namespace strandline::delta
