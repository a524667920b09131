#include "infer/tensor.h"

#include <gtest/gtest.h>
#include <limits>

#include "infer/input_check.h"
#include "infer/test_models.h"

namespace strandline::infer {
namespace {

TEST(DataType, NamesAreThoseOfTheProtocolAndReadBack) {
    for (int i = 0; i <= static_cast<int>(DataType::bytes); ++i) {
        const auto type = static_cast<DataType>(i);
        EXPECT_EQ(data_type_from_string(to_string(type)), type) << to_string(type);
    }
    EXPECT_EQ(to_string(DataType::boolean), "BOOL");
    EXPECT_EQ(data_type_from_string("fp32"), std::nullopt);
    EXPECT_EQ(data_type_from_string("BF16"), std::nullopt);
}

TEST(ElementCount, MultipliesAndRefusesWhatDoesNotFit) {
    struct Case {
        std::vector<std::int64_t> shape;
        std::optional<std::uint64_t> count;
    };
    const auto big = std::numeric_limits<std::int64_t>::max();
    const std::vector<Case> cases{
        {{}, 1},          {{0}, 0},
        {{2, 3}, 6},      {{-1, 3}, {}},
        {{big, big}, {}}, {{1 << 20}, 1 << 20},
        {{big, 2}, {}},   {{0, big, big}, {}},
        {{3, 0, -1}, {}},
    };
    for (const auto& one : cases) {
        const auto count = element_count(one.shape);
        EXPECT_EQ(count.has_value(), one.count.has_value()) << shape_text(one.shape);
        const auto wanted = one.count.value_or(0);
        EXPECT_EQ(count.value_or(0), wanted) << shape_text(one.shape);
    }
    EXPECT_FALSE(element_count(std::vector<std::int64_t>{11}, 10));
}

TEST(ShapeFits, TakesAnySizeWhereThePatternIsFree) {
    const std::vector<std::int64_t> pattern{-1, 3};
    EXPECT_TRUE(shape_fits(std::vector<std::int64_t>{7, 3}, pattern));
    EXPECT_FALSE(shape_fits(std::vector<std::int64_t>{7, 4}, pattern));
    EXPECT_FALSE(shape_fits(std::vector<std::int64_t>{7, 3, 1}, pattern));
    EXPECT_FALSE(shape_fits(std::vector<std::int64_t>{-1, 3}, pattern));
}

TEST(CheckTensor, NamesTheTensorWhoseBytesDoNotMatchItsShape) {
    auto tensor = test_tensor<float>("x", DataType::fp32, {1, 2}, {1, 2});
    EXPECT_TRUE(check_tensor(tensor));
    tensor.data.pop_back();
    const auto status = check_tensor(tensor);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message, "tensor 'x' has 7 bytes, its shape [1,2] of FP32 needs 8");
    EXPECT_FALSE(check_tensor(Tensor{"t", DataType::bytes, {2}, {}, {"one"}}));
}

TEST(CheckInputs, NamesTheFirstProblem) {
    const std::vector<TensorInfo> declared{{"x", DataType::fp32, {-1, 2}},
                                           {"flag", DataType::boolean, {1}}};
    const auto x = test_tensor<float>("x", DataType::fp32, {1, 2}, {1, 2});
    const auto flag = test_tensor<std::uint8_t>("flag", DataType::boolean, {1}, {1});
    struct Case {
        std::vector<Tensor> inputs;
        std::string message;
    };
    const std::vector<Case> cases{
        {{flag, x}, ""},
        {{x}, "input 'flag' BOOL [1] is missing"},
        {{x, x, flag}, "input 'x' is given twice"},
        {{x, test_tensor<std::uint8_t>("flag", DataType::boolean, {1}, {2})},
         "input 'flag' has a BOOL that is not 0 or 1"},
        {{test_tensor<float>("y", DataType::fp32, {1}, {1})},
         "the model has no input 'y'; it has 'x', 'flag'"},
        {{test_tensor<double>("x", DataType::fp64, {1, 2}, {1, 2}), flag},
         "input 'x' is FP64, the model takes FP32"},
        {{test_tensor<float>("x", DataType::fp32, {2}, {1, 2}), flag},
         "input 'x' has shape [2], the model takes [-1,2]"},
    };
    for (const auto& one : cases) {
        const auto status = check_inputs(one.inputs, declared);
        EXPECT_EQ(status ? "" : status.error().message, one.message);
    }
}

TEST(ChooseOutputs, KeepsTheOrderOfTheRequest) {
    const std::vector<TensorInfo> declared{{"a", DataType::fp32, {1}}, {"b", DataType::fp32, {1}}};
    const auto all = choose_outputs({}, declared);
    ASSERT_TRUE(all);
    EXPECT_EQ(all->size(), 2U);
    const auto chosen = choose_outputs(std::vector<std::string>{"b", "a"}, declared);
    ASSERT_TRUE(chosen);
    EXPECT_EQ((*chosen)[0]->name, "b");
    EXPECT_FALSE(choose_outputs(std::vector<std::string>{"a", "a"}, declared));
    EXPECT_FALSE(choose_outputs(std::vector<std::string>{"c"}, declared));
}

}  // namespace
}  // namespace strandline::infer
