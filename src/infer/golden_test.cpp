#include "infer/golden.h"

#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>

#include "infer/test_models.h"

namespace strandline::infer {
namespace {

class Folder {
public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "golden.XXXXXX").string();
        path_ = mkdtemp(pattern.data());
    }
    ~Folder() {
        std::error_code failed;
        std::filesystem::remove_all(path_, failed);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    void write(const char* name, std::string_view text) const {
        std::ofstream(path_ / name, std::ios::binary) << text;
    }

private:
    std::filesystem::path path_;
};

/// Answers every run with the same tensors.
class FakeModel final : public Model {
public:
    FakeModel(std::vector<TensorInfo> inputs, std::vector<Tensor> answer)
        : inputs_(std::move(inputs)), answer_(std::move(answer)) {}
    const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    Result<std::vector<Tensor>> run(std::span<const Tensor> inputs,
                                    std::span<const std::string>) override {
        last_.assign(inputs.begin(), inputs.end());
        if (last_.front().shape.back() < smallest) return fail(Errc::internal, "too small");
        return answer_;
    }

    std::vector<Tensor> last_;
    std::int64_t smallest = 0;

private:
    std::vector<TensorInfo> inputs_;
    std::vector<TensorInfo> outputs_;
    std::vector<Tensor> answer_;
};

Tensor numbers(const std::vector<float>& values) {
    return test_tensor<float>("y", DataType::fp32, {static_cast<std::int64_t>(values.size())},
                              values);
}

Status compare(const Tensor& actual, const Tensor& expected, Tolerance tolerance = {}) {
    FakeModel model({}, {actual});
    const auto input = test_tensor<float>("x", DataType::fp32, {1}, {0});
    return check_golden(model, std::vector<GoldenCase>{{{input}, {expected}}}, tolerance);
}

TEST(LoadGolden, ReadsDataAndFiles) {
    const Folder folder;
    const float raw[2] = {3, 4};
    folder.write("x.bin", std::string_view(reinterpret_cast<const char*>(raw), sizeof(raw)));
    folder.write("golden.json", R"({"cases":[{"inputs":[
        {"name":"a","datatype":"FP32","shape":[1,2],"data":[[1,2]]},
        {"name":"b","datatype":"FP32","shape":[2],"file":"x.bin"}],
        "outputs":[{"name":"y","datatype":"BYTES","shape":[1],"data":["ok"]}]}]})");
    const auto cases = load_golden(folder.path(), "golden.json");
    ASSERT_TRUE(cases) << cases.error().message;
    ASSERT_EQ(cases->size(), 1U);
    EXPECT_EQ((*cases)[0].inputs[1].as<float>()[1], 4);
    EXPECT_EQ((*cases)[0].outputs[0].elements[0], "ok");
}

TEST(LoadGolden, ReadsWhatItWrites) {
    const Folder folder;
    const std::vector<GoldenCase> cases{
        {{numbers({1, 2.5F})}, {Tensor{"t\"x", DataType::bytes, {1}, {}, {"a\nb"}}}},
        {{}, {numbers({0})}}};
    const auto text = write_golden(cases);
    ASSERT_TRUE(text);
    folder.write("g.json", *text);
    const auto back = load_golden(folder.path(), "g.json");
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_EQ(back->size(), 2U);
    EXPECT_EQ((*back)[0].inputs[0].data, cases[0].inputs[0].data);
    EXPECT_EQ((*back)[0].outputs[0].name, "t\"x");
}

TEST(LoadGolden, RefusesBadDocumentsAndSaysWhere) {
    struct Case {
        std::string tensor;
        std::string says;
    };
    const std::vector<Case> cases{
        {R"({"name":"y","datatype":"FP32","shape":[2],"data":[1]})", "golden.cases[0].outputs[0]"},
        {R"({"name":"y","datatype":"FP99","shape":[1],"data":[1]})", "datatype"},
        {R"({"name":"y","datatype":"FP32","shape":[-1],"data":[1]})", "shape"},
        {R"({"name":"y","datatype":"FP32","shape":[1]})", "exactly one of"},
        {R"({"name":"y","datatype":"FP32","shape":[1],"data":[1],"file":"x"})", "exactly one of"},
        {R"({"name":"y","datatype":"FP32","shape":[1],"file":"../x"})", "x"},
        {R"({"name":"y","datatype":"FP32","shape":[1],"file":"missing"})", "missing"},
        {R"({"name":"y","datatype":"FP32","shape":[1],"d\u0061ta":7})", "list"},
        {R"({"name":"y","datatype":"FP32","shape":[1],"data":[1]},)"
         R"({"name":"z","datatype":"FP32","shape":[1],"d\u0061ta":0})",
         "list"},
        {R"({"name":"y","datatype":"FP32","shape":[1],"data":[1],"extra":1})", "extra"},
        {"", "at least one"},
        {"{", "golden.json"},
    };
    const Folder folder;
    for (const auto& one : cases) {
        folder.write("golden.json", R"({"cases":[{"inputs":[],"outputs":[)" + one.tensor + "]}]}");
        const auto read = load_golden(folder.path(), "golden.json");
        ASSERT_FALSE(read) << one.tensor;
        EXPECT_NE(read.error().message.find(one.says), std::string::npos) << read.error().message;
    }
    EXPECT_FALSE(load_golden(folder.path(), "../golden.json"));
    EXPECT_FALSE(load_golden(folder.path(), "none.json"));
}

TEST(CheckGolden, AllowsTheToleranceAndNoMore) {
    EXPECT_TRUE(compare(numbers({100.05F}), numbers({100})));
    const auto off = compare(numbers({1, 100.2F}), numbers({1, 100}));
    ASSERT_FALSE(off);
    EXPECT_EQ(off.error().code, Errc::corrupt);
    EXPECT_NE(off.error().message.find("golden case 0: output 'y' element 1"), std::string::npos)
        << off.error().message;
    EXPECT_TRUE(compare(numbers({1.4F}), numbers({1}), {0.5, 0}));
}

TEST(CheckGolden, NanNeverMatchesAndInfinityMatchesItself) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinity = std::numeric_limits<float>::infinity();
    EXPECT_FALSE(compare(numbers({nan}), numbers({nan}), {1e9, 1e9}));
    EXPECT_FALSE(compare(numbers({nan}), numbers({1}), {1e9, 1e9}));
    EXPECT_FALSE(compare(numbers({1}), numbers({infinity}), {1e9, 1e9}));
    EXPECT_TRUE(compare(numbers({infinity}), numbers({infinity})));
}

TEST(CheckGolden, ComparesEveryKindOfElement) {
    const auto half = [](std::uint16_t bits) {
        return test_tensor<std::uint16_t>("y", DataType::fp16, {1}, {bits});
    };
    EXPECT_TRUE(compare(half(0x3c00), half(0x3c01)));  // one step of 0.001 at 1.0
    EXPECT_FALSE(compare(half(0x3c00), half(0x3c08)));
    const auto integer = [](std::int64_t value) {
        return test_tensor<std::int64_t>("y", DataType::int64, {1}, {value});
    };
    const auto large = std::numeric_limits<std::int64_t>::max();
    EXPECT_FALSE(compare(integer(large), integer(large - 1)));
    EXPECT_TRUE(compare(integer(large), integer(large - 1), {1, 0}));
    const Tensor text{"y", DataType::bytes, {1}, {}, {"a"}};
    const Tensor other{"y", DataType::bytes, {1}, {}, {"b"}};
    EXPECT_TRUE(compare(text, text));
    EXPECT_FALSE(compare(text, other));
    EXPECT_FALSE(compare(text, numbers({1})));
    EXPECT_FALSE(compare(numbers({1, 2}), numbers({1})));
}

TEST(CheckSmoke, RefusesOutputsThatAreNotFinite) {
    FakeModel good({{"x", DataType::fp32, {-1, 3}}}, {numbers({1})});
    EXPECT_TRUE(check_smoke(good));
    EXPECT_EQ(good.last_[0].shape, (std::vector<std::int64_t>{1, 3}));
    FakeModel bad({{"x", DataType::fp32, {1}}},
                  {numbers({std::numeric_limits<float>::quiet_NaN()})});
    const auto status = check_smoke(bad);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::corrupt);
}

TEST(CheckSmoke, TriesLargerFreeDimensionsBeforeItGivesUp) {
    FakeModel picky({{"x", DataType::fp32, {-1, 3, -1, -1}}}, {numbers({1})});
    picky.smallest = 32;
    EXPECT_TRUE(check_smoke(picky));
    EXPECT_EQ(picky.last_[0].shape, (std::vector<std::int64_t>{1, 3, 32, 32}));
    picky.smallest = 1000;
    EXPECT_FALSE(check_smoke(picky));
}

}  // namespace
}  // namespace strandline::infer
