#include "delta/number/predict.h"

#include <gtest/gtest.h>

#include "delta/number/number_format.h"

namespace strandline::delta::number {
namespace {

Bytes floats(const std::vector<float>& values) {
    Bytes out;
    for (const float value : values) append_le(out, std::bit_cast<std::uint32_t>(value));
    return out;
}

TEST(Predict, RowsAreScaledAsFloatMultiplicationDoes) {
    auto numbers = floats({1.1F, -2.7F, 3.3F, 1e-41F, 3e38F});
    scale_rows(ElementType::f32, numbers, {2, 1}, std::vector<float>{0.3F, 1.7F, 4.0F});
    EXPECT_EQ(numbers, floats({1.1F * 0.3F, -2.7F * 1.7F, 3.3F * 1.7F, 1e-41F * 4.0F, 3e38F * 4}));
}

TEST(Predict, EveryHalfComesBackFromItsExactValue) {
    for (std::uint32_t word = 0; word < 0x10000; ++word) {
        for (const auto type : {ElementType::f16, ElementType::bf16}) {
            Bytes number;
            append_le(number, static_cast<std::uint16_t>(word));
            const Bytes before = number;
            scale_rows(type, number, {1, 0}, std::vector<float>{1.0F});
            const bool not_a_number =
                value_at(type, before.data()) != value_at(type, before.data());
            if (!not_a_number) {
                ASSERT_EQ(number, before) << word;
            }
        }
    }
}

TEST(Predict, HalvesAreRoundedToEven) {
    const auto rounded = [](std::uint16_t word, float scale) {
        Bytes number;
        append_le(number, word);
        scale_rows(ElementType::f16, number, {1, 0}, std::vector<float>{scale});
        return load_le<std::uint16_t>(number);
    };
    EXPECT_EQ(rounded(0x3c00, 1.00048828125F), 0x3c00);  // a tie: 1 + 2^-11
    EXPECT_EQ(rounded(0x3c01, 1.00048828125F), 0x3c02);
    EXPECT_EQ(rounded(0x3c00, 65520.0F), 0x7c00);  // beyond the largest
    EXPECT_EQ(rounded(0x0001, 0.5F), 0x0000);
    EXPECT_EQ(rounded(0x0003, 0.5F), 0x0002);
}

TEST(Predict, ThinProductsAreAddedWhereTheBlockStarts) {
    auto numbers = floats({1.0F, 2.0F, 3.0F});
    const std::vector<std::int32_t> left{4, 8};   // two rows
    const std::vector<std::int32_t> right{1, 3};  // two columns
    add_low_rank(ElementType::f32, numbers, {2, 1}, {1, 3, left, right});
    EXPECT_EQ(numbers, floats({1.0F + 1.5F, 2.0F + 1.0F, 3.0F + 3.0F}));
}

}  // namespace
}  // namespace strandline::delta::number
