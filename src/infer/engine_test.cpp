#include "infer/engine.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

#include "infer/engine_library.h"
#include "infer/golden.h"
#include "infer/test_models.h"

namespace strandline::infer {
namespace {

class OnnxEngineTest : public ::testing::Test {
protected:
    void SetUp() override {
        engine_ = test_engine();
        if (!engine_) GTEST_SKIP() << "ONNX Runtime is not installed: ./run setup";
    }
    [[nodiscard]] std::unique_ptr<Model> load(const char* name) const {
        auto model = engine_->load(test_model(name));
        EXPECT_TRUE(model) << model.error().message;
        return model ? std::move(*model) : nullptr;
    }
    std::unique_ptr<Engine> engine_;
};

TEST_F(OnnxEngineTest, GivesTheValuesOfTinySoftmax) {
    const auto model = load("tiny_softmax.onnx");
    ASSERT_TRUE(model);
    EXPECT_EQ(shape_text(model->inputs()[0].shape), "[-1,4]");
    const std::vector<Tensor> inputs{
        test_tensor<float>("x", DataType::fp32, {2, 4}, {1, 2, 3, 4, 1, 2, 3, 4})};
    const auto outputs = model->run(inputs, {});
    ASSERT_TRUE(outputs) << outputs.error().message;
    ASSERT_EQ(shape_text((*outputs)[0].shape), "[2,3]");
    const auto y = (*outputs)[0].as<float>();
    for (std::size_t row = 0; row < 2; ++row) {
        EXPECT_NEAR(y[3 * row], 0.0767508, 1e-6);
        EXPECT_NEAR(y[3 * row + 1], 0.2305722, 1e-6);
        EXPECT_NEAR(y[3 * row + 2], 0.6926770, 1e-6);
    }
    EXPECT_EQ(engine_->description().rfind("onnxruntime 1.", 0), 0U) << engine_->description();
}

TEST_F(OnnxEngineTest, RunsAnEmptyBatch) {
    const auto model = load("tiny_softmax.onnx");
    ASSERT_TRUE(model);
    const std::vector<Tensor> inputs{Tensor{"x", DataType::fp32, {0, 4}, {}, {}}};
    const auto outputs = model->run(inputs, {});
    ASSERT_TRUE(outputs) << outputs.error().message;
    EXPECT_EQ(shape_text((*outputs)[0].shape), "[0,3]");
}

TEST_F(OnnxEngineTest, EveryModelOfTheProjectPassesTheSmokeRun) {
    for (const auto* name :
         {"tiny_softmax.onnx", "leaf_cnn.onnx", "leaf_cnn_edge.onnx", "weather_cnn.onnx"}) {
        const auto model = load(name);
        ASSERT_TRUE(model) << name;
        const auto status = check_smoke(*model);
        EXPECT_TRUE(status) << name << ": " << status.error().message;
    }
}

TEST_F(OnnxEngineTest, OtherPeoplesModelsPassTheSmokeRun) {
    const auto folder = std::filesystem::path(STRANDLINE_SOURCE_DIR) / "../shared/samples/models";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no sample models beside the project";
    std::size_t checked = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".onnx") continue;
        const auto model = engine_->load(entry.path());
        ASSERT_TRUE(model) << model.error().message;
        const auto status = check_smoke(**model);
        EXPECT_TRUE(status) << entry.path().filename() << ": " << status.error().message;
        ++checked;
    }
    EXPECT_GE(checked, 10U);
}

TEST_F(OnnxEngineTest, NamesWhatIsWrongWithTheInputs) {
    const auto model = load("tiny_softmax.onnx");
    ASSERT_TRUE(model);
    const std::vector<Tensor> wrong{test_tensor<float>("x", DataType::fp32, {1, 3}, {1, 2, 3})};
    const auto outputs = model->run(wrong, {});
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().code, Errc::invalid);
    EXPECT_EQ(outputs.error().message, "input 'x' has shape [1,3], the model takes [-1,4]");
    const std::vector<Tensor> right{test_tensor<float>("x", DataType::fp32, {1, 4}, {1, 2, 3, 4})};
    EXPECT_FALSE(model->run(right, std::vector<std::string>{"z"}));
}

TEST_F(OnnxEngineTest, RefusesFilesThatAreNoModels) {
    std::string file = (std::filesystem::temp_directory_path() / "model.XXXXXX").string();
    const int fd = mkstemp(file.data());
    ASSERT_GE(fd, 0);
    close(fd);
    std::ifstream source(test_model("leaf_cnn.onnx"), std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(source), {}};
    for (const auto& bytes :
         {std::string("not a model"), std::string(), whole.substr(0, whole.size() / 2)}) {
        std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
        const auto model = engine_->load(file);
        ASSERT_FALSE(model) << bytes.size();
        EXPECT_EQ(model.error().code, Errc::corrupt);
        EXPECT_NE(model.error().message.find(file), std::string::npos);
    }
    std::filesystem::remove(file);
    const auto missing = engine_->load(file);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::not_found);
}

TEST_F(OnnxEngineTest, ModelsOutliveTheEngine) {
    const auto model = load("tiny_softmax.onnx");
    ASSERT_TRUE(model);
    engine_.reset();
    const std::vector<Tensor> inputs{test_tensor<float>("x", DataType::fp32, {1, 4}, {1, 2, 3, 4})};
    EXPECT_TRUE(model->run(inputs, {}));
}

TEST(OpenOnnxEngine, MissingLibrarySaysWhatToDo) {
    EngineOptions options;
    options.library = "/nonexistent/libonnxruntime.so.1";
    const auto engine = open_onnx_engine(options);
    ASSERT_FALSE(engine);
    EXPECT_EQ(engine.error().code, Errc::unavailable);
    EXPECT_NE(engine.error().message.find("./run setup"), std::string::npos)
        << engine.error().message;
}

TEST(LoadLibrarySymbol, NamesEveryPathItTried) {
    const auto found =
        load_library_symbol({"/nonexistent/a.so", "/nonexistent/b.so", "libc.so.6"}, "NoSuchThing");
    ASSERT_FALSE(found);
    for (const auto* path :
         {"/nonexistent/a.so", "/nonexistent/b.so", "libc.so.6 has no NoSuchThing"}) {
        EXPECT_NE(found.error().message.find(path), std::string::npos) << found.error().message;
    }
}

TEST(LibraryCandidates, APathThatWasSetIsTheOnlyOne) {
    EngineOptions options;
    options.library = "/some/where.so";
    EXPECT_EQ(library_candidates(options), std::vector<std::filesystem::path>{"/some/where.so"});
    const auto searched = library_candidates({});
    EXPECT_EQ(searched.back().filename(), "libonnxruntime.so.1");
}

}  // namespace
}  // namespace strandline::infer
