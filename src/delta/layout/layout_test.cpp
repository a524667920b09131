#include <algorithm>

#include "delta/layout/layout_samples.h"

namespace strandline::delta {
namespace {

std::vector<std::string> descriptions(const Layout& layout) {
    std::vector<std::string> result;
    result.reserve(layout.tensors.size());
    for (const auto& tensor : layout.tensors) result.push_back(describe(tensor));
    std::ranges::sort(result);
    return result;
}

/// Every number of every tensor is where the layout says.
void expect_counting(const Layout& layout, ByteSpan file) {
    for (const auto& tensor : layout.tensors) {
        if (tensor.type == ElementType::opaque || tensor.name == "qs" || tensor.name == "qz" ||
            tensor.name.ends_with("/scale") || tensor.name.ends_with("/zero_point")) {
            continue;
        }
        const std::int64_t first = tensor.type == ElementType::u8 ? 0 : -50;
        const auto count = tensor.bytes / element_size(tensor.type);
        for (std::uint64_t i = 0; i < count; ++i) {
            const auto wanted = static_cast<double>(first + static_cast<std::int64_t>(i % 100));
            ASSERT_EQ(number_at(tensor, file, i).value_or(0), wanted) << tensor.name << ' ' << i;
        }
    }
}

struct Sample {
    std::string file;
    std::string container;
    std::vector<std::string> tensors;  ///< sorted
};

class SampleFile : public testing::TestWithParam<Sample> {};

TEST_P(SampleFile, HasItsTensorsWithNamesTypesAndShapes) {
    const auto bytes = sample_file(GetParam().file);
    const auto layout = read_layout(bytes);
    EXPECT_EQ(layout.container, GetParam().container);
    EXPECT_EQ(descriptions(layout), GetParam().tensors);
    expect_sound(layout, bytes.size());
    expect_counting(layout, bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Containers, SampleFile,
    testing::Values(
        Sample{"model.safetensors",
               "safetensors",
               {"brain bf16[9]", "bytes u8[4,5]", "linear.bias f16[10]", "linear.weight f32[6,5]",
                "table i64[4]"}},
        // Column-major: the file has rows of the transposed array.
        Sample{"fortran.npy", "npy", {" f32[6,4]"}},
        Sample{"arrays.npz", "zip", {"h.npy f16[2,3,4]", "n.npy i64[3]", "w.npy f32[5,5]"}},
        Sample{"model.gguf",
               "gguf",
               {"blk.0.h f16[2,16]", "blk.0.i i8[4,8]", "blk.0.q opaque[96]", "blk.0.w f32[3,8]"}},
        // Both branches of an If, a Constant, packed floats, a quantised tensor and its scales.
        Sample{"model.onnx",
               "onnx",
               {"branch_w f32[3,4]", "conv.weight f32[4,3,1,2]", "idx i64[6]", "inner f64[5]",
                "other_w f16[3,4]", "qs f32[4]", "qw i8[4,6]", "typed f32[7]"}},
        Sample{"model.tflite",
               "tflite",
               {"conv/b i32[4]", "conv/w i8[4,2,1,3]", "conv/w/scale f32[4]",
                "conv/w/zero_point i64[4]", "fc/h f16[11]", "fc/w f32[3,5]"}},
        // Big-endian and compressed datasets are left out.
        Sample{"old_groups.h5",
               "hdf5",
               {"counts i64[3]", "dense/bias:0 f32[6]", "dense/kernel:0 f32[4,6]", "half f16[9]",
                "parts@0@0 f32[2,4]", "parts@2@0 f32[2,4]"}},
        // The members of a large group are found without their names.
        Sample{"new_groups.h5",
               "hdf5",
               {" f32[10,4]", " f32[2,4]", " f32[3,4]", " f32[4,4]", " f32[5,4]", " f32[6,4]",
                " f32[7,4]", " f32[8,4]", " f32[9,4]", "few/a f32[3,5]", "few/one f32[2,4]"}},
        // A parameter, and a view whose memory is ordered otherwise (channels last).
        Sample{"checkpoint.pt",
               "zip",
               {"state.model.conv.weight f32[2,2,2,3]", "state.model.fc.bias f16[12]",
                "state.model.fc.weight f32[4,6]", "state.model.steps i64[3]"}},
        Sample{"legacy.pth",
               "torch-legacy",
               {"state.model.conv.weight f32[2,2,2,3]", "state.model.fc.bias f16[12]",
                "state.model.fc.weight f32[4,6]", "state.model.steps i64[3]"}}),
    [](const auto& name) {
        auto text = name.param.file;
        std::ranges::replace(text, '.', '_');
        return text;
    });

TEST(Layout, DarknetWeightsAreOneRowOfNumbers) {
    const auto layout = read_layout(sample_file("yolo.weights"));
    EXPECT_EQ(layout.container, "darknet");
    EXPECT_EQ(descriptions(layout), std::vector<std::string>{" f32[700]"});
}

TEST(Layout, UnknownContainersAreSearchedForWeights) {
    const auto bytes = sample_file("unknown.bin");
    const auto layout = read_layout(bytes);
    EXPECT_EQ(layout.container, "");
    ASSERT_EQ(layout.tensors.size(), 2U);
    EXPECT_EQ(layout.tensors[0].type, ElementType::f32);
    EXPECT_EQ(layout.tensors[0].offset, 28U);
    EXPECT_EQ(layout.tensors[0].bytes, 2000U);
    EXPECT_EQ(layout.tensors[1].type, ElementType::f16);
}

TEST(Layout, TellsHowQuantisedTensorsAreScaled) {
    for (const auto* name : {"model.onnx", "model.tflite"}) {
        const auto layout = read_layout(sample_file(name));
        const auto found = std::ranges::find(layout.tensors, ElementType::i8, &Tensor::type);
        ASSERT_NE(found, layout.tensors.end());
        ASSERT_TRUE(found->quantisation.has_value()) << name;
        EXPECT_EQ(found->quantisation->scales, (std::vector<float>{0.5F, 0.25F, 2, 1}));
        EXPECT_EQ(found->quantisation->axis, 0U);
        EXPECT_EQ(found->quantisation->zero_points.size(), 4U);
    }
}

TEST(Layout, FindsScalesThatAreTensorsOfTheirOwn) {
    const std::string header =
        R"({"a.weight":{"dtype":"I8","shape":[8,4],"data_offsets":[0,32]},)"
        R"("a.weight_scale":{"dtype":"F32","shape":[8,1],"data_offsets":[32,64]},)"
        R"("b.weight":{"dtype":"I8","shape":[3,8],"data_offsets":[64,88]},)"
        R"("b.weight.scale":{"dtype":"F32","shape":[5],"data_offsets":[88,108]}})";
    Bytes file(8 + header.size() + 108);
    store_le<std::uint64_t>(header.size(), std::span(file).first(8));
    std::ranges::copy(as_bytes(header), file.begin() + 8);
    const auto layout = read_layout(file);
    ASSERT_EQ(layout.tensors.size(), 4U);
    ASSERT_TRUE(layout.tensors[0].quantisation.has_value());
    EXPECT_EQ(layout.tensors[0].quantisation->scales.size(), 8U);
    EXPECT_FALSE(layout.tensors[2].quantisation.has_value());  // neither 1, 3 nor 8
}

TEST(Layout, OfNothingIsEmpty) {
    EXPECT_TRUE(read_layout({}).tensors.empty());
    EXPECT_EQ(read_layout({}).container, "");
}

}  // namespace
}  // namespace strandline::delta
