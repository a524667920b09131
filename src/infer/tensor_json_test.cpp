#include "infer/tensor_json.h"

#include <gtest/gtest.h>
#include <limits>

#include "infer/tensor_binary.h"
#include "infer/test_models.h"

namespace strandline::infer {
namespace {

Tensor shaped(DataType type, std::vector<std::int64_t> shape) {
    return Tensor{"t", type, std::move(shape), {}, {}};
}

TEST(ReadTensorData, TakesFlatAndNestedLists) {
    for (const auto* text :
         {"[1,2,3,4,5,6]", "[[1,2,3],[4,5,6]]", " [ [ 1 , 2,3] ,\n[4,5,6 ] ] "}) {
        auto tensor = shaped(DataType::int32, {2, 3});
        const auto status = read_tensor_data(text, tensor);
        ASSERT_TRUE(status) << status.error().message;
        EXPECT_EQ(tensor.as<std::int32_t>()[5], 6);
        EXPECT_EQ(tensor.data.size(), 24U);
    }
}

TEST(ReadTensorData, RefusesWhatIsNotTheShape) {
    struct Case {
        std::vector<std::int64_t> shape;
        const char* text;
    };
    const std::vector<Case> cases{
        {{2}, "[1]"},
        {{2}, "[1,2,3]"},
        {{2}, "[1,]"},
        {{2}, "[1 2]"},
        {{2}, "[1,2"},
        {{2}, "[1,2]]"},
        {{2}, "[[1,2]]"},
        {{2, 2}, "[[1,2],[3]]"},
        {{2, 2}, "[[1,2],3,4]"},
        {{2, 1}, "[[1,2]]"},
        {{2}, "[,1]"},
        {{2}, ""},
        {{1}, "1"},
        {{-1}, "[1]"},
        {{1 << 30, 1 << 30}, "[1]"},
        {{4294967296}, "[1]"},
        {std::vector<std::int64_t>(17, 1), "[1]"},
        {{1}, "[null]"},
        {{0}, "[1]"},
    };
    for (const auto& one : cases) {
        auto tensor = shaped(DataType::int32, one.shape);
        const auto status = read_tensor_data(one.text, tensor);
        ASSERT_FALSE(status) << one.text;
        EXPECT_EQ(status.error().code, Errc::invalid);
        EXPECT_NE(status.error().message.find("'t'"), std::string::npos) << status.error().message;
    }
    auto empty = shaped(DataType::int32, {0, 5});
    EXPECT_TRUE(read_tensor_data("[]", empty));
    auto rows = shaped(DataType::int32, {2, 0});
    EXPECT_TRUE(read_tensor_data("[[],[]]", rows));
}

TEST(ReadTensorData, ChecksEachNumberAgainstItsType) {
    struct Case {
        DataType type;
        const char* text;
        bool fits;
    };
    const std::vector<Case> cases{
        {DataType::uint8, "[255]", true},
        {DataType::uint8, "[256]", false},
        {DataType::uint8, "[-1]", false},
        {DataType::int8, "[-128]", true},
        {DataType::int8, "[128]", false},
        {DataType::int32, "[1.0]", false},
        {DataType::int32, "[1e2]", false},
        {DataType::int64, "[9223372036854775807]", true},
        {DataType::int64, "[9223372036854775808]", false},
        {DataType::uint64, "[18446744073709551615]", true},
        {DataType::fp32, "[1]", true},
        {DataType::fp32, "[1e39]", false},
        {DataType::fp32, "[1e-60]", true},
        {DataType::fp64, "[1e309]", false},
        {DataType::fp64, "[1e-400]", true},
        {DataType::fp32, "[nan]", false},
        {DataType::fp32, "[inf]", false},
        {DataType::fp32, "[1.]", false},
        {DataType::fp32, "[.5]", false},
        {DataType::fp32, "[01]", false},
        {DataType::fp32, "[+1]", false},
        {DataType::fp32, "[0x1]", false},
        {DataType::fp32, "[-]", false},
        {DataType::fp32, "[1e]", false},
        {DataType::fp16, "[0.5]", true},
        {DataType::fp16, "[70000]", false},
        {DataType::boolean, "[true]", true},
        {DataType::boolean, "[1]", false},
        {DataType::bytes, "[\"a\"]", true},
        {DataType::bytes, "[1]", false},
        {DataType::bytes, "[\"a]", false},
        {DataType::bytes, "[\"\\q\"]", false},
        {DataType::bytes, "[\"\x01\"]", false},
        {DataType::bytes, "[\"\xff\"]", false},
    };
    for (const auto& one : cases) {
        auto tensor = shaped(one.type, {1});
        EXPECT_EQ(read_tensor_data(one.text, tensor).has_value(), one.fits)
            << to_string(one.type) << ' ' << one.text;
    }
}

TEST(ReadTensorData, UnescapesTexts) {
    auto tensor = shaped(DataType::bytes, {3});
    ASSERT_TRUE(read_tensor_data(R"(["a, ]b","\"\u00e4\n", "ä"])", tensor));
    EXPECT_EQ(tensor.elements, (std::vector<std::string>{"a, ]b", "\"ä\n", "ä"}));
}

TEST(ReadTensorData, BoundsTheNumberOfTexts) {
    auto tensor = shaped(DataType::bytes, {3});
    EXPECT_FALSE(read_tensor_data(R"(["","",""])", tensor, TensorJsonLimits{2}));
}

TEST(WriteTensorData, ReadsBackTheSameBits) {
    const std::vector<Tensor> tensors{
        test_tensor<float>("t", DataType::fp32, {3}, {0.1F, -1e-38F, 3.4e38F}),
        test_tensor<double>("t", DataType::fp64, {2}, {0.1, 1e300}),
        test_tensor<std::int64_t>("t", DataType::int64, {1},
                                  {std::numeric_limits<std::int64_t>::min()}),
        test_tensor<std::uint8_t>("t", DataType::uint8, {2, 1}, {0, 255}),
        test_tensor<std::uint8_t>("t", DataType::boolean, {2}, {0, 1}),
        test_tensor<std::uint16_t>("t", DataType::fp16, {2}, {0x3c00, 0x0001}),
        Tensor{"t", DataType::bytes, {2}, {}, {"plain", "q\"\\\n\xc3\xa4"}},
        shaped(DataType::fp32, {0}),
    };
    for (const auto& tensor : tensors) {
        std::string text;
        ASSERT_TRUE(write_tensor_data(tensor, text));
        auto back = shaped(tensor.type, tensor.shape);
        const auto status = read_tensor_data(text, back);
        ASSERT_TRUE(status) << text << ": " << status.error().message;
        EXPECT_EQ(back.data, tensor.data) << text;
        EXPECT_EQ(back.elements, tensor.elements);
    }
}

TEST(WriteTensorData, RefusesWhatJsonCannotCarry) {
    std::string out;
    EXPECT_FALSE(write_tensor_data(
        test_tensor<float>("t", DataType::fp32, {1}, {std::numeric_limits<float>::quiet_NaN()}),
        out));
    EXPECT_FALSE(
        write_tensor_data(test_tensor<std::uint16_t>("t", DataType::fp16, {1}, {0x7c00}), out));
    EXPECT_FALSE(write_tensor_data(Tensor{"t", DataType::bytes, {1}, {}, {"\xff"}}, out));
}

TEST(SplitTensorData, CutsOutEveryListUnderData) {
    const auto split = split_tensor_data(
        R"({"inputs":[{"data" : [1,[2],"]"],"name":"data"},{"data":[]}],"x":"\"data\":["})");
    ASSERT_TRUE(split);
    ASSERT_EQ(split->arrays.size(), 2U);
    EXPECT_EQ(split->arrays[0], R"([1,[2],"]"])");
    EXPECT_EQ(split->arrays[1], "[]");
    EXPECT_EQ(split->text,
              R"({"inputs":[{"data" :  0 ,"name":"data"},{"data": 1 }],"x":"\"data\":["})");
}

TEST(SplitTensorData, RefusesDataThatIsNoListOrDoesNotEnd) {
    for (const auto* text : {R"({"data":1})", R"({"data":"[1]"})", R"({"data":)", R"({"data":[1})",
                             R"({"data":["]})", R"({"data":[[1])"}) {
        EXPECT_FALSE(split_tensor_data(text)) << text;
    }
    std::string many = "[";
    for (int i = 0; i < 5000; ++i) many += R"({"data":[]},)";
    EXPECT_FALSE(split_tensor_data(many));
    EXPECT_TRUE(split_tensor_data(""));
    EXPECT_TRUE(split_tensor_data("{\"unfinished"));
}

TEST(TensorBinary, ReadsBackWhatItWrites) {
    const std::vector<Tensor> tensors{
        test_tensor<float>("t", DataType::fp32, {2}, {1, 2}),
        Tensor{"t", DataType::bytes, {3}, {}, {"", "a", std::string("\0\xff", 2)}},
        shaped(DataType::int8, {0}),
    };
    for (const auto& tensor : tensors) {
        std::string raw;
        write_tensor_binary(tensor, raw);
        EXPECT_EQ(raw.size(), binary_size(tensor));
        auto back = shaped(tensor.type, tensor.shape);
        ASSERT_TRUE(read_tensor_binary(as_bytes(raw), back));
        EXPECT_EQ(back.data, tensor.data);
        EXPECT_EQ(back.elements, tensor.elements);
    }
}

TEST(TensorBinary, RefusesEveryOtherLength) {
    const std::string texts("\x01\0\0\0a\x02\0\0\0bc", 11);
    for (std::size_t size = 0; size < texts.size(); ++size) {
        auto tensor = shaped(DataType::bytes, {2});
        EXPECT_FALSE(read_tensor_binary(as_bytes(texts).first(size), tensor)) << size;
    }
    auto longer = shaped(DataType::bytes, {2});
    EXPECT_FALSE(read_tensor_binary(as_bytes(texts + "x"), longer));
    auto lying = shaped(DataType::bytes, {1});
    EXPECT_FALSE(read_tensor_binary(as_bytes("\xff\xff\xff\xffz"), lying));
    auto many = shaped(DataType::bytes, {4000000000});
    EXPECT_FALSE(read_tensor_binary(as_bytes(texts), many));
    auto number = shaped(DataType::fp32, {1});
    EXPECT_FALSE(read_tensor_binary(as_bytes("123"), number));
    EXPECT_FALSE(read_tensor_binary(as_bytes("12345"), number));
}

}  // namespace
}  // namespace strandline::infer
