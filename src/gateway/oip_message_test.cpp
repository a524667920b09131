#include "gateway/oip_message.h"

#include <gtest/gtest.h>
#include <limits>

#include "base/bytes.h"
#include "infer/test_models.h"

namespace strandline::gateway {
namespace {

using infer::DataType;
using infer::Tensor;
using infer::test_tensor;

std::string bytes_of(std::initializer_list<int> values) {
    std::string out;
    for (const int value : values) out += static_cast<char>(value);
    return out;
}

TEST(ParseInferRequest, ReadsJson) {
    const auto request = parse_infer_request(R"({
        "id": "42", "parameters": {"priority": 1, "timeout": 5000, "mine": [1, {"x": 2}]},
        "inputs": [
            {"name": "a", "datatype": "FP32", "shape": [2, 2], "data": [[1, 2.5], [3, -4e0]]},
            {"datatype": "INT64", "data": [7], "name": "b", "shape": [1], "parameters": {}},
            {"name": "c", "datatype": "BYTES", "shape": [2], "data": ["x", "\u00e4"]}],
        "outputs": [{"name": "y", "parameters": {"binary_data": false}}, {"name": "z"}]})",
                                             std::nullopt);
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->id, "42");
    EXPECT_EQ(request->timeout.count(), 5000);
    ASSERT_EQ(request->inputs.size(), 3U);
    EXPECT_EQ(request->inputs[0].as<float>()[3], -4.0F);
    EXPECT_EQ(request->inputs[1].as<std::int64_t>()[0], 7);
    EXPECT_EQ(request->inputs[2].elements[1], "\xc3\xa4");
    ASSERT_EQ(request->outputs.size(), 2U);
    EXPECT_EQ(request->outputs[0].binary, false);
    EXPECT_EQ(request->outputs[1].binary, std::nullopt);
}

TEST(ParseInferRequest, ReadsJsonAndBinaryInputsMixed) {
    const std::string json =
        R"({"inputs":[{"name":"a","datatype":"INT16","shape":[2],"parameters":{"binary_data_size":4}},)"
        R"({"name":"b","datatype":"UINT8","shape":[1],"data":[9]},)"
        R"({"name":"c","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":11}}],)"
        R"("parameters":{"binary_data_output":true}})";
    const auto body =
        json + bytes_of({0x34, 0x12, 0xff, 0xff, 2, 0, 0, 0, 0xff, 0, 1, 0, 0, 0, 'z'});
    const auto request = parse_infer_request(body, json.size());
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_TRUE(request->binary_outputs);
    EXPECT_EQ(request->inputs[0].as<std::int16_t>()[0], 0x1234);
    EXPECT_EQ(request->inputs[0].as<std::int16_t>()[1], -1);
    EXPECT_EQ(request->inputs[1].data.size(), 1U);
    EXPECT_EQ(request->inputs[2].elements, (std::vector<std::string>{bytes_of({0xff, 0}), "z"}));

    // Each shorter body, each longer one and each other header length is refused.
    for (std::size_t size = 0; size < body.size(); ++size) {
        EXPECT_FALSE(parse_infer_request(std::string_view(body).substr(0, size), json.size()))
            << size;
    }
    EXPECT_FALSE(parse_infer_request(body + "x", json.size()));
    for (std::size_t length = 0; length <= body.size() + 1; ++length) {
        EXPECT_EQ(parse_infer_request(body, length).has_value(), length == json.size()) << length;
    }
    EXPECT_FALSE(parse_infer_request(body, std::nullopt));
}

std::string with_input(std::string_view input) {
    return R"({"inputs":[)" + std::string(input) + "]}";
}

TEST(ParseInferRequest, RefusesWhatIsNotARequestAndSaysWhy) {
    struct Case {
        std::string body;
        std::string says;
    };
    const std::string x = R"({"name":"x","datatype":"FP32","shape":[1],"data":[1]})";
    const std::vector<Case> cases{
        {"", "not valid JSON"},
        {"[]", "must be an object"},
        {R"({"id":7,"inputs":[]})", "id"},
        {R"({"inputs":{}})", "inputs"},
        {with_input(x + "," + x), "'x' is given twice"},
        {with_input(R"({"datatype":"FP32","shape":[1],"data":[1]})"), "name"},
        {with_input(R"({"name":"x","datatype":"BF16","shape":[1],"data":[1]})"), "datatype"},
        {with_input(R"({"name":"x","datatype":"FP16","shape":[1],"data":[1]})"),
         "binary data only"},
        {with_input(R"({"name":"x","datatype":"FP32","data":[1]})"), "shape"},
        {with_input(R"({"name":"x","datatype":"FP32","shape":[-1],"data":[1]})"), "negative"},
        {with_input(R"({"name":"x","datatype":"FP32","shape":[1.5],"data":[1]})"), "shape"},
        {with_input(R"({"name":"x","datatype":"FP32","shape":[18446744073709551615],"data":[1]})"),
         "shape"},
        {with_input(R"({"name":"x","datatype":"FP32","shape":[4294967296,4294967296],"data":[1]})"),
         "elements"},
        {with_input(R"({"name":"x","datatype":"FP32","shape":[2],"data":[1]})"),
         "exactly 2 elements"},
        {with_input(R"({"name":"x","datatype":"FP32","shape":[1],"data":7})"), "list"},
        {with_input(R"({"name":"x","datatype":"FP32","shape":[1],"d\u0061ta":0})"), "list"},
        {with_input(R"({"name":"x","datatype":"FP32","shape":[1],"data":[1]},)"
                    R"({"name":"y","datatype":"FP32","shape":[1],"d\u0061ta":0})"),
         "list"},
        {with_input(R"({"name":"x","datatype":"FP32","shape":[1]})"), "exactly one of"},
        {with_input(
             R"({"name":"x","datatype":"FP32","shape":[1],"data":[1],"parameters":{"binary_data_size":4}})"),
         "exactly one of"},
        {with_input(
             R"({"name":"x","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}})"),
         "0 are left"},
        {with_input(
             R"({"name":"x","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":-4}})"),
         "binary_data_size"},
        {with_input(
             R"({"name":"x","datatype":"FP32","shape":[1],"parameters":{"shared_memory_region":"r"}})"),
         "shared_memory_region"},
        {with_input(R"({"name":"x","datatype":"FP32","shape":[1],"data":[1],"parameters":7})"),
         "parameters"},
        {R"({"inputs":[],"outputs":[{"name":"y"},{"name":"y"}]})", "asked for twice"},
        {R"({"inputs":[],"outputs":[{"name":"y","parameters":{"classification":3}}]})",
         "classification"},
        {R"({"inputs":[],"outputs":[{"name":"y","parameters":{"binary_data":1}}]})", "binary_data"},
        {R"({"inputs":[],"parameters":{"binary_data_output":"yes"}})", "binary_data_output"},
        {with_input(x) + "x", "not valid JSON"},
    };
    for (const auto& one : cases) {
        const auto request = parse_infer_request(one.body, std::nullopt);
        ASSERT_FALSE(request) << one.body;
        EXPECT_EQ(request.error().code, Errc::invalid);
        EXPECT_NE(request.error().message.find(one.says), std::string::npos)
            << one.body << "\n"
            << request.error().message;
    }
}

TEST(ParseInferRequest, BoundsInputsNestingAndTexts) {
    std::string many;
    for (int i = 0; i < 300; ++i) {
        many += (i == 0 ? "" : ",") + (R"({"name":"x)" + std::to_string(i)) +
                R"(","datatype":"INT8","shape":[0],"data":[]})";
    }
    EXPECT_FALSE(parse_infer_request(with_input(many), std::nullopt));
    EXPECT_FALSE(parse_infer_request(std::string(100'000, '['), std::nullopt));
    EXPECT_FALSE(parse_infer_request(R"({"data":)" + std::string(100'000, '['), std::nullopt));

    const std::size_t texts = (std::size_t{1} << 20) + 1;
    const std::string json =
        with_input(R"({"name":"x","datatype":"BYTES","shape":[)" + std::to_string(texts) +
                   R"(],"parameters":{"binary_data_size":)" + std::to_string(4 * texts) + "}}");
    const auto request = parse_infer_request(json + std::string(4 * texts, '\0'), json.size());
    ASSERT_FALSE(request);
    EXPECT_NE(request.error().message.find("too many"), std::string::npos)
        << request.error().message;
}

TEST(ParseRawRequest, SizesTheOnlyInputFromTheBody) {
    struct Case {
        infer::TensorInfo info;
        std::size_t bytes;
        std::string shape;  ///< empty: refused
    };
    const std::vector<Case> cases{
        {{"x", DataType::fp32, {2, 2}}, 16, "[2,2]"},
        {{"x", DataType::fp32, {2, 2}}, 12, ""},
        {{"x", DataType::fp32, {-1, 4}}, 16, "[1,4]"},
        {{"x", DataType::fp32, {-1, 4}}, 32, ""},
        {{"x", DataType::uint8, {-1, 3, -1}}, 30, "[1,3,10]"},
        {{"x", DataType::uint8, {-1, 3, -1}}, 31, ""},
        {{"x", DataType::uint8, {-1}}, 7, "[7]"},
        {{"x", DataType::uint8, {-1, -1, -1}}, 8, ""},
        {{"x", DataType::bytes, {1}}, 5, "[1]"},
        {{"x", DataType::bytes, {-1}}, 5, "[1]"},
        {{"x", DataType::bytes, {2}}, 5, ""},
        {{"x", DataType::fp32, {0, -1}}, 4, ""},
    };
    for (const auto& one : cases) {
        const std::vector inputs{one.info};
        const auto request = parse_raw_request(std::string(one.bytes, 'b'), inputs);
        const auto shape = request ? infer::shape_text(request->inputs[0].shape) : "";
        EXPECT_EQ(shape, one.shape) << infer::shape_text(one.info.shape) << ' ' << one.bytes;
        if (request) {
            EXPECT_TRUE(request->binary_outputs);
        }
    }
    EXPECT_FALSE(parse_raw_request("", {}));
}

TEST(WriteInferResponse, WritesJsonByteForByte) {
    InferRequest request;
    request.id = "";
    const std::vector outputs{test_tensor<float>("y", DataType::fp32, {1, 2}, {0.5F, 3}),
                              Tensor{"t", DataType::bytes, {1}, {}, {"a\"b"}}};
    const auto message = write_infer_response({"m", "3"}, request, outputs);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->json_length, std::nullopt);
    EXPECT_EQ(message->body, R"({"model_name":"m","model_version":"3","id":"","outputs":[)"
                             R"({"name":"y","datatype":"FP32","shape":[1,2],"data":[0.5,3]},)"
                             R"({"name":"t","datatype":"BYTES","shape":[1],"data":["a\"b"]}]})");
}

TEST(WriteInferResponse, MixesJsonAndBinaryAsAsked) {
    InferRequest request;
    request.binary_outputs = true;
    request.outputs = {{"a", std::nullopt}, {"b", false}, {"c", true}};
    const std::vector outputs{test_tensor<std::int16_t>("a", DataType::int16, {1}, {0x1234}),
                              test_tensor<std::int16_t>("b", DataType::int16, {1}, {5}),
                              Tensor{"c", DataType::bytes, {1}, {}, {"hi"}}};
    const auto message = write_infer_response({"m", "1"}, request, outputs);
    ASSERT_TRUE(message);
    const std::string json =
        R"({"model_name":"m","model_version":"1","outputs":[)"
        R"({"name":"a","datatype":"INT16","shape":[1],"parameters":{"binary_data_size":2}},)"
        R"({"name":"b","datatype":"INT16","shape":[1],"data":[5]},)"
        R"({"name":"c","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6}}]})";
    EXPECT_EQ(message->json_length, json.size());
    EXPECT_EQ(message->body, json + bytes_of({0x34, 0x12, 2, 0, 0, 0, 'h', 'i'}));
}

TEST(WriteInferResponse, AsksForBinaryWhereJsonCannotSayIt) {
    const std::vector<Tensor> tensors{
        test_tensor<float>("y", DataType::fp32, {1}, {std::numeric_limits<float>::infinity()}),
        test_tensor<std::uint16_t>("y", DataType::fp16, {1}, {0x3c00}),
        Tensor{"y", DataType::bytes, {1}, {}, {"\xff"}},
    };
    for (const auto& tensor : tensors) {
        InferRequest request;
        const std::vector outputs{tensor};
        EXPECT_FALSE(write_infer_response({"m", "1"}, request, outputs));
        request.binary_outputs = true;
        EXPECT_TRUE(write_infer_response({"m", "1"}, request, outputs));
    }
}

}  // namespace
}  // namespace strandline::gateway
