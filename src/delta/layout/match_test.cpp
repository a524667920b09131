#include <algorithm>
#include <bit>
#include <cmath>

#include "base/random.h"
#include "delta/layout/layout_samples.h"
#include "delta/test/test_sample_data.h"

namespace strandline::delta {
namespace {

/// A file of tensors one after the other, and what is in it.
struct TestFile {
    Bytes bytes;
    Layout layout;

    void add(std::string name, std::vector<std::uint64_t> shape, ByteSpan data,
             ElementType type = ElementType::f32) {
        layout.tensors.push_back(
            {std::move(name), type, std::move(shape), bytes.size(), data.size(), std::nullopt});
        bytes.insert(bytes.end(), data.begin(), data.end());
    }
};

std::vector<TensorMatch> match(const TestFile& old_file, const TestFile& new_file) {
    return match_tensors(old_file.layout, old_file.bytes, new_file.layout, new_file.bytes);
}

float weight(ByteSpan weights, std::uint64_t index) {
    return std::bit_cast<float>(
        load_le<std::uint32_t>(weights.subspan(static_cast<std::size_t>(4 * index), 4)));
}

void append(Bytes& out, float value) { append_le(out, std::bit_cast<std::uint32_t>(value)); }

/// Each row multiplied by a factor of its own.
Bytes scaled(ByteSpan weights, std::uint64_t columns) {
    Bytes out;
    for (std::uint64_t i = 0; i < weights.size() / 4; ++i) {
        const std::uint64_t row = i / columns;
        append(out, weight(weights, i) * (0.3F + 0.01F * static_cast<float>(row)));
    }
    return out;
}

/// OIHW to OHWI.
Bytes channels_last(ByteSpan weights, const std::vector<std::uint64_t>& shape) {
    Bytes out;
    const auto area = shape[2] * shape[3];
    for (std::uint64_t o = 0; o < shape[0]; ++o) {
        for (std::uint64_t position = 0; position < area; ++position) {
            for (std::uint64_t i = 0; i < shape[1]; ++i) {
                append(out, weight(weights, (o * shape[1] + i) * area + position));
            }
        }
    }
    return out;
}

TEST(MatchTensors, FindsEqualTensorsUnderOtherNames) {
    TestFile before;
    before.add("a", {32, 32}, float_weights(1024, 1));
    before.add("b", {32, 32}, float_weights(1024, 2));
    TestFile after;
    after.add("x", {1024}, float_weights(1024, 2));
    after.add("y", {32, 32}, float_weights(1024, 1));
    after.add("z", {32, 32}, float_weights(1024, 1));
    const auto matches = match(before, after);
    ASSERT_EQ(matches.size(), 3U);
    EXPECT_EQ(matches[0].old_tensor, 1U);
    EXPECT_EQ(matches[1].old_tensor, 0U);
    EXPECT_EQ(matches[2].old_tensor, 0U);  // duplicated
    for (const auto& found : matches) EXPECT_EQ(found.relation, Relation::equal);
}

TEST(MatchTensors, PrefersEqualTensorsOfTheSameName) {
    TestFile before;
    TestFile after;
    for (const auto* name : {"a", "b", "c"}) before.add(name, {64}, Bytes(256));
    for (const auto* name : {"c", "a", "d"}) after.add(name, {64}, Bytes(256));
    const auto matches = match(before, after);
    EXPECT_EQ(matches[0].old_tensor, 2U);
    EXPECT_EQ(matches[1].old_tensor, 0U);
    EXPECT_EQ(matches[2].relation, Relation::equal);
}

TEST(MatchTensors, FollowsWeightsThatMovedALittle) {
    TestFile before;
    TestFile after;
    for (std::uint64_t i = 0; i < 20; ++i) {
        before.add("old" + std::to_string(i), {40, 50}, float_weights(2000, i));
    }
    for (std::uint64_t i = 0; i < 20; ++i) {  // in another order, under other names
        const auto from = (7 * i + 3) % 20;
        after.add("new" + std::to_string(i), {40, 50},
                  fine_tuned(float_weights(2000, from), 0.3, 100 + i));
    }
    const auto matches = match(before, after);
    for (std::size_t i = 0; i < 20; ++i) {
        EXPECT_EQ(matches[i].old_tensor, (7 * i + 3) % 20);
        EXPECT_EQ(matches[i].relation, Relation::related);
        EXPECT_TRUE(matches[i].permutation.empty());
    }
}

TEST(MatchTensors, FollowsFoldedBatchNormalisation) {
    TestFile before;
    before.add("layer1", {64, 1, 5, 5}, float_weights(1600, 1));
    before.add("layer2", {64, 1, 5, 5}, float_weights(1600, 2));
    TestFile after;
    after.add("487", {64, 1, 5, 5}, scaled(float_weights(1600, 2), 25));
    const auto matches = match(before, after);
    EXPECT_EQ(matches[0].old_tensor, 1U);
    EXPECT_EQ(matches[0].relation, Relation::related);
}

TEST(MatchTensors, SeesThatANameChangedItsMeaning) {
    TestFile before;
    before.add("conv_1", {50, 50}, float_weights(2500, 1));
    before.add("conv_2", {50, 50}, float_weights(2500, 2));
    TestFile after;
    after.add("conv_2", {50, 50}, fine_tuned(float_weights(2500, 1), 0.1, 3));
    after.add("conv_3", {50, 50}, fine_tuned(float_weights(2500, 2), 0.1, 4));
    const auto matches = match(before, after);
    EXPECT_EQ(matches[0].old_tensor, 0U);
    EXPECT_EQ(matches[1].old_tensor, 1U);
}

TEST(MatchTensors, FindsOtherOrdersOfAxes) {
    const std::vector<std::uint64_t> shape{16, 8, 3, 3};
    const auto weights = float_weights(1152, 1);
    const auto matrix = float_weights(1600, 2);
    TestFile before;
    before.add("conv", shape, weights);
    before.add("dense", {40, 40}, matrix);
    Bytes transposed;
    for (std::uint64_t i = 0; i < 1600; ++i)
        append(transposed, weight(matrix, i % 40 * 40 + i / 40));
    TestFile after;
    after.add("conv/kernel", {16, 3, 3, 8}, fine_tuned(channels_last(weights, shape), 0.1, 3));
    after.add("dense", {40, 40}, transposed);
    const auto matches = match(before, after);
    EXPECT_EQ(matches[0].old_tensor, 0U);
    EXPECT_EQ(matches[0].permutation, (std::vector<std::uint32_t>{0, 2, 3, 1}));
    EXPECT_EQ(matches[1].old_tensor, 1U);
    EXPECT_EQ(matches[1].permutation, (std::vector<std::uint32_t>{1, 0}));
}

TEST(MatchTensors, FindsCastsAndQuantisedTensors) {
    const auto weights = float_weights(2000, 1);
    Bytes half;
    Bytes quantised;
    Bytes with_zero_point;
    for (std::uint64_t i = 0; i < 2000; ++i) {
        append_le(half, static_cast<std::uint16_t>(
                            std::bit_cast<std::uint32_t>(weight(weights, i)) >> 16));
        const auto q = std::clamp(std::lround(weight(weights, i) / 0.002F), -127L, 127L);
        quantised.push_back(static_cast<std::byte>(q));
        with_zero_point.push_back(static_cast<std::byte>(q + 128));
    }
    for (const auto& [data, type] :
         {std::pair(half, ElementType::bf16), std::pair(quantised, ElementType::i8),
          std::pair(with_zero_point, ElementType::u8)}) {
        TestFile before;
        before.add("other", {20, 100}, float_weights(2000, 5));
        before.add("w", {20, 100}, weights);
        TestFile after;
        after.add("w_cast", {20, 1, 100}, data, type);
        const auto matches = match(before, after);
        EXPECT_EQ(matches[0].old_tensor, 1U);
        EXPECT_EQ(matches[0].relation, Relation::related);
    }
}

TEST(MatchTensors, OffersNamesakesForATrial) {
    TestFile before;
    before.add("w", {2000}, float_weights(2000, 1));
    before.add("v", {3000}, float_weights(3000, 1));
    TestFile after;
    after.add("w", {2000}, float_weights(2000, 8));  // trained anew
    after.add("v", {2999}, float_weights(2999, 9));  // of another size: nothing to go by
    const auto matches = match(before, after);
    EXPECT_EQ(matches[0].old_tensor, 0U);
    EXPECT_EQ(matches[0].relation, Relation::candidate);
    EXPECT_EQ(matches[1].old_tensor, std::nullopt);
    EXPECT_EQ(matches[1].relation, Relation::none);
}

TEST(MatchTensors, GoesByPlaceWhenNothingElseIsLeft) {
    TestFile before;
    TestFile after;
    for (std::uint64_t i = 0; i < 3; ++i) {
        before.add("old" + std::to_string(i), {500}, float_weights(500, i));
        after.add("new" + std::to_string(i), {500}, float_weights(500, 10 + i));
    }
    const auto matches = match(before, after);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(matches[i].old_tensor, i);
        EXPECT_EQ(matches[i].relation, Relation::candidate);
    }
}

TEST(MatchTensors, DoesNotMistakeZerosForAgreement) {
    Bytes sparse(8000);
    SeededRandom random(3);
    auto other = sparse;
    for (std::size_t i = 0; i < 2000; i += 10) {
        const auto sign = [&random] {
            return random.below(2) == 0 ? std::byte{0x3d} : std::byte{0xbd};
        };
        sparse[4 * i + 3] = sign();
        other[4 * i + 3] = sign();
    }
    TestFile before;
    before.add("w", {2000}, sparse);
    TestFile after;
    after.add("w", {2000}, other);
    EXPECT_EQ(match(before, after)[0].relation, Relation::candidate);
}

}  // namespace
}  // namespace strandline::delta
