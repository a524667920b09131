#include "delta/number/predict.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

#include "delta/number/load_number.h"

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

// Both neighbours are further away, or as far and odd.
TEST(Predict, NothingIsNearerThanWhatWasRoundedTo) {
    std::mt19937 random(1);
    for (const auto type : {ElementType::f16, ElementType::bf16}) {
        const std::uint32_t infinity = type == ElementType::f16 ? 0x7c00 : 0x7f80;
        const auto value_of = [&](std::uint32_t word) {
            Bytes number;
            append_le(number, static_cast<std::uint16_t>(word));
            return value_at(type, number.data());
        };
        for (int i = 0; i < 200'000; ++i) {
            const auto word = static_cast<std::uint32_t>(random() % infinity);
            const float scale = std::ldexp(static_cast<float>(random() % 4096 + 1),
                                           static_cast<int>(random() % 40) - 30);
            Bytes number;
            append_le(number, static_cast<std::uint16_t>(word));
            scale_rows(type, number, {1, 0}, std::vector<float>{scale});
            const std::uint32_t rounded = load_le<std::uint16_t>(number);
            const double exact = value_of(word) * static_cast<double>(scale);
            ASSERT_LE(rounded, infinity);
            if (rounded == infinity) continue;
            const double away = std::abs(value_of(rounded) - exact);
            for (const std::uint32_t other : {rounded - 1, rounded + 1}) {
                if (other >= infinity) continue;
                const double others = std::abs(value_of(other) - exact);
                ASSERT_TRUE(away < others || (away == others && rounded % 2 == 0))
                    << word << " x " << scale << " = " << rounded;
            }
        }
    }
}

TEST(Predict, ThinProductsAreAddedWhereTheBlockStarts) {
    auto numbers = floats({1.0F, 2.0F, 3.0F});
    const std::vector<std::int32_t> left{4, 8};   // two rows
    const std::vector<std::int32_t> right{1, 3};  // two columns
    add_low_rank(ElementType::f32, numbers, {2, 1}, {1, 3, left, right});
    EXPECT_EQ(numbers, floats({1.0F + 1.5F, 2.0F + 1.0F, 3.0F + 3.0F}));
}

// Numbers of any bits, among them zeros, subnormal ones, infinities and NaN, and more usual ones.
TEST(Predict, ThinProductsAreTheSameOnAnyProcessor) {
    std::mt19937 random(2);
    constexpr std::int32_t most = (1 << (LowRank::factor_bits - 1)) - 1;
    std::uniform_int_distribution<std::int32_t> factor(-most, most);
    for (const auto type : {ElementType::f32, ElementType::f16, ElementType::bf16}) {
        for (const std::uint64_t columns : {1U, 3U, 255U, 257U, 1030U}) {
            const Grid grid{columns, columns / 2};
            const std::size_t count = 5 * columns;
            LowRank product{3, columns == 255 ? 80 : 53, {}, {}};
            std::vector<std::int32_t> left(product.rank * grid.rows(count));
            std::vector<std::int32_t> right(product.rank * columns);
            for (auto& value : left) value = factor(random);
            for (auto& value : right) value = random() % 8 == 0 ? 0 : factor(random);
            left.front() = right.front() = -most;
            product.left = left;
            product.right = right;
            Bytes fast(count * element_size(type));
            for (auto& byte : fast) byte = static_cast<std::byte>(random() & 0xff);
            for (std::size_t i = 0; i < fast.size() / 4; i += random() % 64)
                fast[i] = static_cast<std::byte>(0);
            Bytes plain = fast;
            add_low_rank(type, fast, grid, product, Speed::best);
            add_low_rank(type, plain, grid, product, Speed::portable);
            ASSERT_EQ(fast, plain) << columns;
        }
    }
}

}  // namespace
}  // namespace strandline::delta::number
