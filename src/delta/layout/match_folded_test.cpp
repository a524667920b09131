#include <bit>
#include <cmath>

#include "delta/layout/layout_samples.h"
#include "delta/layout/norm_tensors.h"
#include "delta/test/test_sample_data.h"

namespace strandline::delta {
namespace {

using Formula = FoldedNorm::Formula;

constexpr std::uint64_t channels = 24;

float number(ByteSpan floats, std::uint64_t index) {
    return std::bit_cast<float>(
        load_le<std::uint32_t>(floats.subspan(static_cast<std::size_t>(4 * index), 4)));
}

/// Positive numbers, as variances and most factors are.
Bytes positive(std::uint64_t seed) {
    auto bytes = float_weights(channels, seed);
    for (std::size_t i = 3; i < bytes.size(); i += 4) bytes[i] &= std::byte{0x7f};
    return bytes;
}

struct TestFile {
    Bytes bytes;
    Layout layout;

    void add(std::string name, std::vector<std::uint64_t> shape, ByteSpan data) {
        layout.tensors.push_back({std::move(name), ElementType::f32, std::move(shape), bytes.size(),
                                  data.size(), std::nullopt});
        bytes.insert(bytes.end(), data.begin(), data.end());
    }
};

/// Layers of `channels` x 3 x 5 weights with norms behind them.
TestFile with_norms(std::uint64_t layers) {
    TestFile file;
    for (std::uint64_t i = 0; i < layers; ++i) {
        const auto name = "layer" + std::to_string(i);
        file.add(name + ".conv.weight", {channels, 3, 5}, float_weights(channels * 15, 10 * i));
        file.add(name + ".conv.bias", {channels}, float_weights(channels, 10 * i + 1));
        file.add(name + ".bn.weight", {channels}, positive(10 * i + 2));
        file.add(name + ".bn.bias", {channels}, float_weights(channels, 10 * i + 3));
        file.add(name + ".bn.running_mean", {channels}, float_weights(channels, 10 * i + 4));
        file.add(name + ".bn.running_var", {channels}, positive(10 * i + 5));
    }
    return file;
}

/// What an exporter makes of it, in plain fp32.
TestFile folded(std::uint64_t layers, Formula formula, float epsilon) {
    TestFile file;
    for (std::uint64_t i = 0; i < layers; ++i) {
        const auto weights = float_weights(channels * 15, 10 * i);
        Bytes scaled;
        Bytes biases;
        for (std::uint64_t c = 0; c < channels; ++c) {
            const auto values = fold_channel(
                {number(positive(10 * i + 2), c), number(float_weights(channels, 10 * i + 3), c),
                 number(float_weights(channels, 10 * i + 4), c), number(positive(10 * i + 5), c),
                 number(float_weights(channels, 10 * i + 1), c)},
                formula, epsilon);
            for (std::uint64_t j = 0; j < 15; ++j) {
                const float weight = number(weights, 15 * c + j) * values.scale;
                append_le(scaled, std::bit_cast<std::uint32_t>(weight));
            }
            append_le(biases, std::bit_cast<std::uint32_t>(values.bias));
        }
        file.add(std::to_string(100 + 2 * i), {channels, 3, 5}, scaled);
        file.add(std::to_string(101 + 2 * i), {channels}, biases);
    }
    return file;
}

class FoldedNorms : public testing::TestWithParam<std::tuple<Formula, float>> {};

TEST_P(FoldedNorms, AreFoundWithTheirFormula) {
    const auto [formula, epsilon] = GetParam();
    const auto before = with_norms(5);
    const auto after = folded(5, formula, epsilon);
    const auto matches = match_tensors(before.layout, before.bytes, after.layout, after.bytes);
    ASSERT_EQ(matches.size(), 10U);
    for (std::size_t i = 0; i < 5; ++i) {
        ASSERT_TRUE(matches[2 * i].folded.has_value());
        const auto& weights = *matches[2 * i].folded;
        EXPECT_EQ(matches[2 * i].old_tensor, 6 * i);
        EXPECT_EQ(weights.part, FoldedNorm::Part::weight);
        EXPECT_EQ(weights.formula, formula);
        EXPECT_EQ(weights.epsilon, epsilon);
        EXPECT_EQ(weights.axis, 0U);
        EXPECT_EQ(weights.gamma, 6 * i + 2);
        EXPECT_EQ(weights.beta, 6 * i + 3);
        EXPECT_EQ(weights.mean, 6 * i + 4);
        EXPECT_EQ(weights.variance, 6 * i + 5);
        EXPECT_EQ(weights.bias, 6 * i + 1);
        ASSERT_TRUE(matches[2 * i + 1].folded.has_value());
        EXPECT_EQ(matches[2 * i + 1].folded->part, FoldedNorm::Part::bias);
        EXPECT_EQ(matches[2 * i + 1].folded->variance, 6 * i + 5);
    }
}

/// The first layer's old weights have axes of length 1 in front that the new ones do not have.
TEST_P(FoldedNorms, AreFoundWhereAxesOfOneCameOrWent) {
    const auto [formula, epsilon] = GetParam();
    auto before = with_norms(2);
    before.layout.tensors[0].shape = {1, 1, channels, 15};
    auto after = folded(2, formula, epsilon);
    after.layout.tensors[0].shape = {channels, 15};
    after.layout.tensors[2].shape = {1, channels, 3, 5};
    const auto matches = match_tensors(before.layout, before.bytes, after.layout, after.bytes);
    ASSERT_TRUE(matches[0].folded && matches[2].folded);
    EXPECT_EQ(matches[0].old_tensor, 0U);
    EXPECT_EQ(matches[0].folded->axis, 0U);
    EXPECT_EQ(matches[2].folded->axis, 1U);
}

INSTANTIATE_TEST_SUITE_P(Formulas, FoldedNorms,
                         testing::Combine(testing::Values(Formula::divide, Formula::reciprocal),
                                          testing::Values(1e-5F, 1e-3F)));

TEST(FoldedNormsNone, AreNotSeenInFineTunedWeights) {
    const auto before = with_norms(3);
    auto after = with_norms(3);
    after.bytes = fine_tuned(after.bytes, 0.01, 7);
    for (const auto& match :
         match_tensors(before.layout, before.bytes, after.layout, after.bytes)) {
        EXPECT_FALSE(match.folded.has_value());
    }
}

TEST(FoldedNormsNone, AreSoughtAlongTheAxesOfTheNewWeights) {
    auto before = with_norms(3);
    auto after = with_norms(3);
    for (std::size_t i = 0; i < before.layout.tensors.size(); i += 6) {
        before.layout.tensors[i].shape = {1, 1, 15, channels};
        after.layout.tensors[i].shape = {15, channels};
    }
    after.bytes = fine_tuned(after.bytes, 0.01, 7);
    for (const auto& match :
         match_tensors(before.layout, before.bytes, after.layout, after.bytes)) {
        EXPECT_EQ(match.relation, Relation::related);
        EXPECT_FALSE(match.folded.has_value());
    }
}

TEST(FoldChannel, RoundsEachOperation) {
    // Each step has a name of its own, so that no compiler melts two into one.
    const NormChannel channel{1.5F, 0.25F, 0.125F, 0.5F, 0};
    const float deviation = std::sqrt(0.5F + 1e-5F);
    const float scale = 1.5F / deviation;
    const auto divided = fold_channel(channel, Formula::divide, 1e-5F);
    EXPECT_EQ(divided.scale, scale);
    const float shift = -0.125F * scale;
    EXPECT_EQ(divided.bias, shift + 0.25F);
    const float root = 1 / deviation;
    EXPECT_EQ(fold_channel(channel, Formula::reciprocal, 1e-5F).scale, 1.5F * root);
}

TEST(FindNorms, KnowsTheNamesOfFrameworks) {
    TestFile file;
    for (const auto* name :
         {"a.weight", "a.bias", "a.running_mean", "a.running_var", "b/gamma:0", "b/beta:0",
          "b/moving_mean:0", "b/moving_variance:0", "c.weight", "c.running_var"}) {
        file.add(name, {channels}, positive(1));
    }
    const auto norms = find_norms(file.layout);
    ASSERT_EQ(norms.size(), 2U);
    EXPECT_EQ(norms[0].gamma, 0U);
    EXPECT_EQ(norms[0].variance, 3U);
    EXPECT_EQ(norms[1].mean, 6U);
    EXPECT_EQ(norms[1].channels, channels);
}

}  // namespace
}  // namespace strandline::delta
