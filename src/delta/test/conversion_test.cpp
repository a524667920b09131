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

struct Shape {
    std::size_t height;
    std::size_t width;
};

struct Named {
    const char* name;
    const char* type;
    std::string shape;
};

// The data starts `shift` bytes behind a multiple of 16.
Bytes safetensors(const Named& tensor, ByteSpan data, std::size_t shift = 0) {
    auto head = fmt::format(R"({{"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[0,{}]}}}})",
                            tensor.name, tensor.type, tensor.shape, data.size());
    while ((8 + head.size()) % 16 != shift) head += ' ';
    Bytes out;
    append_le<std::uint64_t>(out, head.size());
    const auto text = as_bytes(head);
    out.insert(out.end(), text.begin(), text.end());
    out.insert(out.end(), data.begin(), data.end());
    return out;
}

Bytes safetensors(const char* type, const Shape& shape, ByteSpan data, std::size_t shift = 0) {
    return safetensors({"layer.weight", type, fmt::format("{},{}", shape.height, shape.width)},
                       data, shift);
}

std::uint32_t bits_at(ByteSpan weights, std::size_t i) {
    return load_le<std::uint32_t>(weights.subspan(4 * i, 4));
}

struct Conversion {
    const char* name;
    Bytes converted;
    const char* type;
    bool transposed = false;

    [[nodiscard]] Bytes file(const Shape& old, std::size_t shift = 0) const {
        return safetensors(type, transposed ? Shape{old.width, old.height} : old, converted, shift);
    }
};

std::vector<Conversion> conversions(ByteSpan weights, const Shape& shape) {
    const auto [rows, columns] = shape;
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

constexpr Shape small{96, 160};

TEST(Conversions, TakeNextToNothing) {
    const Bytes weights = float_weights(small.height * small.width, 11);
    const Bytes old_file = safetensors("F32", small, weights);
    for (const auto& conversion : conversions(weights, small)) {
        const Bytes new_file = conversion.file(small);
        const auto patch = encode(old_file, new_file);
        ASSERT_TRUE(patch) << conversion.name;
        // Scales of rows are all that has to be said.
        const std::size_t scales = conversion.type[0] == 'I' ? 4 * small.height : 0;
        EXPECT_LT(patch->size(), 300 + scales) << conversion.name;
        const auto back = decode(old_file, *patch, 7);
        ASSERT_TRUE(back) << conversion.name << ": " << back.error().message;
        EXPECT_EQ(*back, new_file) << conversion.name;
    }
}

// A segment ends within a number wherever data do not start at a multiple of its size.
TEST(Conversions, KeepTheirGainWhereSegmentsCutNumbers) {
    constexpr Shape shape{240, 480};
    const Bytes weights = float_weights(shape.height * shape.width, 11);
    const Bytes old_file = safetensors("F32", shape, weights);
    EncodeOptions whole_blocks;
    whole_blocks.segment_bytes = 64u << 10;
    EncodeOptions short_blocks = small_profile();
    short_blocks.segment_bytes = 64u << 10;
    for (const double noise : {0.0, 1e-3}) {
        for (const auto& conversion : conversions(fine_tuned(weights, noise, 5), shape)) {
            for (const auto& options : {whole_blocks, short_blocks}) {
                const auto aligned = encode(old_file, conversion.file(shape), options);
                const Bytes new_file = conversion.file(shape, 1);
                const auto patch = encode(old_file, new_file, options);
                ASSERT_TRUE(aligned && patch) << conversion.name;
                EXPECT_LT(patch->size(), aligned->size() + aligned->size() / 50 + 32)
                    << conversion.name << ' ' << noise;
                EXPECT_EQ(decode(old_file, *patch), new_file) << conversion.name;
            }
        }
    }
}

// So small that the segments are joined, and what the first try took is of no account.
TEST(Conversions, OfSeveralSegmentsAreForSmallReadersToo) {
    constexpr Shape shape{700, 900};
    const Bytes weights = float_weights(shape.height * shape.width, 11);
    const Bytes old_file = safetensors("F32", shape, weights);
    const Bytes new_file = conversions(weights, shape)[0].file(shape);
    ASSERT_GT(new_file.size(), 2 * small_profile().segment_bytes);
    const auto patch = encode(old_file, new_file, small_profile());
    ASSERT_TRUE(patch) << patch.error().message;
    EXPECT_LT(patch->size(), 4096u);
    const auto info = parse_header(*patch);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->segments(), 1u);
    EXPECT_LE(info->decoder_memory, small_profile().max_decoder_memory);
    EXPECT_EQ(decode(old_file, *patch), new_file);
}

TEST(Conversions, OfShapeAloneKeepTheRelative) {
    const Bytes weights = float_weights(200 * 500, 11);
    const Bytes trained = fine_tuned(weights, 1e-3, 5);
    const Bytes old_file = safetensors("F32", {200, 500}, weights);
    const auto direct = encode(old_file, safetensors("F32", {200, 500}, trained));
    ASSERT_TRUE(direct);
    for (const char* name : {"layer.weight", "encoder.0"}) {
        for (const char* shape : {"200,5,100", "1000,100", "100000"}) {
            const Bytes new_file = safetensors({name, "F32", shape}, trained);
            const auto patch = encode(old_file, new_file);
            ASSERT_TRUE(patch);
            EXPECT_LT(patch->size(), direct->size() + direct->size() / 50) << name << shape;
            EXPECT_EQ(decode(old_file, *patch), new_file);
        }
    }
}

TEST(Conversions, OfTrainedWeightsKeepTheirGain) {
    const Bytes weights = float_weights(small.height * small.width, 11);
    const Bytes trained = fine_tuned(weights, 1e-3, 5);
    const Bytes old_file = safetensors("F32", small, weights);
    const auto direct = encode(old_file, safetensors("F32", small, trained));
    const auto converted = conversions(trained, small);
    const auto patch = encode(old_file, converted[0].file(small));
    ASSERT_TRUE(direct && patch);
    EXPECT_LT(patch->size(), direct->size() + direct->size() / 50);
    const Bytes half = converted[1].file(small);
    const auto small_patch = encode(old_file, half);
    ASSERT_TRUE(small_patch);
    EXPECT_LT(small_patch->size(), half.size() * 45 / 100);
    EXPECT_EQ(decode(old_file, *small_patch), half);
}

}  // namespace
}  // namespace strandline::delta
