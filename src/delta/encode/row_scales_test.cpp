#include "delta/encode/row_scales.h"

#include <gtest/gtest.h>

#include "delta/test/test_sample_data.h"

namespace strandline::delta {
namespace {

constexpr std::uint64_t columns = 8;
constexpr std::uint64_t most_rows = std::uint64_t{1} << 20;
const auto never = [] { return false; };

TEST(RowRatios, AreKeptOfSoManyRowsAndNoMore) {
    const Bytes numbers((most_rows + 1) * columns, std::byte{5});
    const auto fitting = ByteSpan(numbers).first(most_rows * columns);
    const auto ratios = find_row_ratios(fitting, fitting, columns, never);
    ASSERT_TRUE(ratios);
    EXPECT_EQ(ratios->size(), most_rows);
    EXPECT_FALSE(find_row_ratios(numbers, numbers, columns, never));
}

TEST(RowRatios, EndWhenTheWorkIsToEnd) {
    const Bytes numbers(std::size_t{32} << 20, std::byte{5});
    int asked = 0;
    EXPECT_TRUE(find_row_ratios(numbers, numbers, 1024, [&] {
        ++asked;
        return false;
    }));
    EXPECT_EQ(asked, 7);
    asked = 0;
    EXPECT_FALSE(find_row_ratios(numbers, numbers, 1024, [&] { return ++asked == 3; }));
    EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace strandline::delta
