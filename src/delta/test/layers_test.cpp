#include <algorithm>
#include <bit>
#include <fmt/core.h>
#include <functional>
#include <gtest/gtest.h>

#include "delta/encode/tensor_plan.h"
#include "delta/test/test_support.h"

// Layers of one shape: what was learned from one is used for the others, unless they are different.
namespace strandline::delta {
namespace {

constexpr std::size_t side = 256;
constexpr std::size_t layer_bytes = side * side * sizeof(float);

Bytes model_of(const std::vector<Bytes>& layers) {
    std::string header = "{";
    for (std::size_t i = 0; i < layers.size(); ++i) {
        header += fmt::format(R"({}"layer{}":{{"dtype":"F32","shape":[{},{}],)", i > 0 ? "," : "",
                              i, side, side);
        header +=
            fmt::format(R"("data_offsets":[{},{}]}})", i * layer_bytes, (i + 1) * layer_bytes);
    }
    header += "}";
    Bytes out;
    append_le(out, std::uint64_t{header.size()});
    out = concatenated({out, as_bytes(header)});
    for (const auto& layer : layers) out = concatenated({out, layer});
    return out;
}

Bytes changed(ByteSpan layer, const std::function<float(std::size_t, float)>& change) {
    Bytes out;
    for (std::size_t i = 0; i < layer.size() / sizeof(float); ++i) {
        const auto old = std::bit_cast<float>(
            load_le<std::uint32_t>(layer.subspan(i * sizeof(float), sizeof(float))));
        append_le(out, std::bit_cast<std::uint32_t>(change(i, old)));
    }
    return out;
}

Bytes with_product(ByteSpan layer) {
    return changed(layer, [](std::size_t i, float old) {
        const auto left = std::sin(static_cast<double>(i / side) * 1.7);
        const auto right = std::cos(static_cast<double>(i % side) * 2.3);
        return static_cast<float>(old + 0.01 * left * right);
    });
}

Bytes with_scaled_rows(ByteSpan layer) {
    return changed(layer, [](std::size_t i, float old) {
        return old * (1.1F + 0.01F * static_cast<float>(i / side % 7));
    });
}

struct Layers {
    std::vector<Bytes> before;
    std::vector<Bytes> after;
};

Layers layers_of_all_kinds() {
    constexpr double amount = 1e-3;
    Layers layers;
    for (std::uint64_t i = 0; i < 9; ++i) {
        layers.before.push_back(float_weights(side * side, i + 1));
        const auto& old = layers.before.back();
        if (i == 4) layers.after.push_back(with_product(old));
        if (i == 5) layers.after.push_back(with_scaled_rows(old));
        if (i == 6) layers.after.push_back(fine_tuned(old, amount / 100, i + 100));
        if (i == 7) layers.after.push_back(float_weights(side * side, i + 100));
        if (i < 4 || i > 7) layers.after.push_back(fine_tuned(old, amount, i + 100));
    }
    return layers;
}

TEST(Layers, ThatAreChangedInOtherWaysAreNoDearerTogether) {
    const auto layers = layers_of_all_kinds();
    std::size_t alone = 0;
    for (std::size_t i = 0; i < layers.before.size(); ++i) {
        const auto patch = encode(model_of({layers.before[i]}), model_of({layers.after[i]}));
        ASSERT_TRUE(patch);
        alone += patch->size();
    }
    const auto old_file = model_of(layers.before);
    const auto new_file = model_of(layers.after);
    const auto patch = encode(old_file, new_file);
    ASSERT_TRUE(patch);
    EXPECT_LT(patch->size(), alone + alone / 100);
    const auto back = decode(old_file, *patch);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, new_file);
}

TEST(Layers, AreCodedTheSameByAnyNumberOfThreads) {
    const auto layers = layers_of_all_kinds();
    const auto old_file = model_of(layers.before);
    const auto new_file = model_of(layers.after);
    EncodeOptions options;
    options.segment_bytes = 2 * layer_bytes;
    const auto one = encode(old_file, new_file, options);
    ASSERT_TRUE(one);
    for (const unsigned threads : {2u, 4u}) {
        options.threads = threads;
        EXPECT_EQ(encode(old_file, new_file, options), *one) << threads;
    }
}

TEST(TensorKinds, AreOfThreeLargeTensorsWithRowsOfOneLength) {
    TensorPlan plan;
    const auto add = [&plan](std::uint64_t bytes, std::uint64_t columns, bool old) {
        TensorPart part;
        part.begin = plan.parts.empty() ? 0 : plan.parts.back().end;
        part.end = part.begin + bytes;
        part.type = ElementType::f32;
        part.columns = columns;
        if (old) part.old_begin = part.begin;
        plan.parts.push_back(part);
    };
    for (int i = 0; i < 3; ++i) {
        add(layer_bytes, side, true);
        add(layer_bytes, side, false);
        if (i > 0) add(layer_bytes, 2 * side, true);
        add(1024, side, true);
    }
    find_kinds(plan);
    ASSERT_EQ(plan.kinds.size(), 2U);
    for (const auto& part : plan.parts) {
        const bool alike = part.columns == side && part.end - part.begin == layer_bytes;
        ASSERT_EQ(part.kind.has_value(), alike);
        if (!alike) continue;
        EXPECT_EQ(plan.kinds[*part.kind].old_begin.has_value(), part.old_begin.has_value());
    }
}

}  // namespace
}  // namespace strandline::delta
