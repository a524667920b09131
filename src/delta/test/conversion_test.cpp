#include <bit>
#include <cmath>
#include <fmt/core.h>
#include <functional>
#include <gtest/gtest.h>

#include "delta/number/cast.h"
#include "delta/number/number_format.h"
#include "delta/test/test_support.h"

// Models that were converted: other order of axes, other type. The new one is all in the old one.
namespace strandline::delta {
namespace {

constexpr std::size_t rows = 96;
constexpr std::size_t columns = 160;

Bytes safetensors(const char* type, std::size_t height, std::size_t width, ByteSpan data) {
    const auto head =
        fmt::format(R"({{"layer.weight":{{"dtype":"{}","shape":[{},{}],"data_offsets":[0,{}]}}}})",
                    type, height, width, data.size());
    Bytes out;
    append_le<std::uint64_t>(out, head.size());
    const auto text = as_bytes(head);
    out.insert(out.end(), text.begin(), text.end());
    out.insert(out.end(), data.begin(), data.end());
    return out;
}

std::uint32_t bits_at(ByteSpan weights, std::size_t i) {
    return load_le<std::uint32_t>(weights.subspan(4 * i, 4));
}

struct Conversion {
    const char* name;
    Bytes converted;
    const char* type;
    bool transposed = false;
};

std::vector<Conversion> conversions(ByteSpan weights) {
    Conversion transposed{"transposed", {}, "F32", true};
    Conversion half{"half", {}, "F16"};
    Conversion brain{"brain", {}, "BF16"};
    Conversion both{"transposed half", {}, "F16", true};
    Conversion integers{"integers", {}, "I8"};
    for (std::size_t i = 0; i < rows * columns; ++i) {
        const std::size_t old = i % rows * columns + i / rows;
        append_le(transposed.converted, bits_at(weights, old));
        append_le(both.converted, number::to_float16(bits_at(weights, old)));
        append_le(half.converted, number::to_float16(bits_at(weights, i)));
        append_le(brain.converted, number::to_bfloat16(bits_at(weights, i)));
    }
    for (std::size_t row = 0; row < rows; ++row) {
        float largest = 0;
        for (std::size_t i = row * columns; i < (row + 1) * columns; ++i)
            largest = std::max(largest, std::fabs(std::bit_cast<float>(bits_at(weights, i))));
        for (std::size_t i = row * columns; i < (row + 1) * columns; ++i) {
            integers.converted.push_back(static_cast<std::byte>(number::quantised(
                std::bit_cast<float>(bits_at(weights, i)), largest / 127, 0, -128, 127)));
        }
    }
    return {transposed, half, brain, both, integers};
}

TEST(Conversions, TakeNextToNothing) {
    const Bytes weights = float_weights(rows * columns, 11);
    const Bytes old_file = safetensors("F32", rows, columns, weights);
    for (const auto& conversion : conversions(weights)) {
        const bool turned = conversion.transposed;
        const Bytes new_file = safetensors(conversion.type, turned ? columns : rows,
                                           turned ? rows : columns, conversion.converted);
        const auto patch = encode(old_file, new_file);
        ASSERT_TRUE(patch) << conversion.name;
        // Scales of rows are all that has to be said.
        const std::size_t scales = conversion.type[0] == 'I' ? 4 * rows : 0;
        EXPECT_LT(patch->size(), 300 + scales) << conversion.name;
        const auto back = decode(old_file, *patch, 7);
        ASSERT_TRUE(back) << conversion.name << ": " << back.error().message;
        EXPECT_EQ(*back, new_file) << conversion.name;
    }
}

TEST(Conversions, OfTrainedWeightsKeepTheirGain) {
    const Bytes weights = float_weights(rows * columns, 11);
    const Bytes trained = fine_tuned(weights, 1e-3, 5);
    const Bytes old_file = safetensors("F32", rows, columns, weights);
    const auto direct = encode(old_file, safetensors("F32", rows, columns, trained));
    const auto converted = conversions(trained);
    const Bytes turned = safetensors("F32", columns, rows, converted[0].converted);
    const auto patch = encode(old_file, turned);
    ASSERT_TRUE(direct && patch);
    EXPECT_LT(patch->size(), direct->size() + direct->size() / 50);
    const Bytes half = safetensors("F16", rows, columns, converted[1].converted);
    const auto small = encode(old_file, half);
    ASSERT_TRUE(small);
    EXPECT_LT(small->size(), half.size() * 45 / 100);
    EXPECT_EQ(decode(old_file, *small), half);
}

}  // namespace
}  // namespace strandline::delta
