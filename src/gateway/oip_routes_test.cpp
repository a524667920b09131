#include "gateway/oip_routes.h"

#include <condition_variable>
#include <gtest/gtest.h>
#include <thread>

#include "gateway/content_coding.h"
#include "infer/test_models.h"

namespace strandline::gateway {
namespace {

using infer::DataType;
using infer::Tensor;
using net::Method;
using net::Request;
using net::Response;

/// y = x, and it can be held up.
class EchoModel final : public infer::Model {
public:
    const std::vector<infer::TensorInfo>& inputs() const override { return inputs_; }
    const std::vector<infer::TensorInfo>& outputs() const override { return outputs_; }
    Result<std::vector<Tensor>> run(std::span<const Tensor> inputs,
                                    std::span<const std::string>) override {
        std::unique_lock lock(mutex_);
        ++started_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
        if (inputs.empty()) return fail(Errc::invalid, "input 'x' FP32 [-1] is missing");
        auto out = inputs.front();
        out.name = "y";
        return std::vector{out};
    }
    void close() {
        const std::lock_guard lock(mutex_);
        open_ = false;
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    [[nodiscard]] bool wait_started(int count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds{10}, [&] { return started_ >= count; });
    }

private:
    std::vector<infer::TensorInfo> inputs_{{"x", DataType::fp32, {-1}}};
    std::vector<infer::TensorInfo> outputs_{{"y", DataType::fp32, {-1}}};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = true;
    int started_ = 0;
};

class OipRoutesTest : public ::testing::Test {
protected:
    OipRoutesTest() {
        OipOptions options;
        options.server_name = "triton";
        options.max_pending = 2;
        options.max_request_bytes = 4096;
        add_oip_routes(router_, runtime_, table_, options);
        ServedModel served;
        served.name = "echo";
        served.version = "3";
        served.model = model_;
        table_.publish(std::move(served));
    }

    net::Task<Response> serve(Request& request) {
        auto match = router_.find(request.method, request.path);
        if (!match) co_return match.error();
        request.params = match->params;
        co_return co_await match->route->handler(request);
    }

    Response call(Method method, std::string path, std::string body = {},
                  net::Headers headers = {}) {
        Request request;
        request.method = method;
        request.path = std::move(path);
        request.body = std::move(body);
        request.headers = std::move(headers);
        auto response = runtime_.block_on(serve(request));
        EXPECT_TRUE(response) << response.error().message;
        return response ? std::move(*response) : Response{};
    }

    static std::string text(const Response& response) {
        return std::get<std::string>(response.body);
    }

    net::Runtime runtime_{net::Runtime::Options{}};
    net::Router router_;
    ModelTable table_;
    std::shared_ptr<EchoModel> model_ = std::make_shared<EchoModel>();  // also held by the table
    const std::string request_ =
        R"({"id":"7","inputs":[{"name":"x","datatype":"FP32","shape":[2],"data":[1,2]}]})";
};

TEST_F(OipRoutesTest, AnswersHealthAndMetadata) {
    struct Case {
        std::string path;
        int status;
        std::string body;
    };
    const std::vector<Case> cases{
        {"/v2/health/live", 200, R"({"live":true})"},
        {"/v2/health/ready", 200, R"({"ready":true})"},
        {"/v2", 200,
         R"({"name":"triton","version":"","extensions":["binary_tensor_data","statistics","model_configuration"]})"},
        {"/v2/models/echo", 200,
         R"({"name":"echo","versions":["3"],"platform":"onnxruntime_onnx",)"
         R"("inputs":[{"name":"x","datatype":"FP32","shape":[-1]}],)"
         R"("outputs":[{"name":"y","datatype":"FP32","shape":[-1]}]})"},
        {"/v2/models/echo/versions/3/ready", 200, R"({"name":"echo","ready":true})"},
        {"/v2/models/echo/versions/4", 404,
         R"({"error":"Request for unknown model: 'echo' version '4' is not found; version '3' is"})"},
        {"/v2/models/none", 404, R"({"error":"Request for unknown model: 'none' is not found"})"},
        {"/v2/models/none/ready", 400,
         R"({"error":"Request for unknown model: 'none' is not found"})"},
    };
    for (const auto& one : cases) {
        const auto response = call(Method::get, one.path);
        EXPECT_EQ(response.status, one.status) << one.path;
        EXPECT_EQ(text(response), one.body);
    }
    EXPECT_EQ(text(call(Method::get, "/v2/")), text(call(Method::get, "/v2")));
    EXPECT_NE(text(call(Method::get, "/v2/models/echo/config")).find("TYPE_FP32"),
              std::string::npos);
}

TEST_F(OipRoutesTest, InfersFromJson) {
    for (const auto* path : {"/v2/models/echo/infer", "/v2/models/echo/versions/3/infer"}) {
        const auto response = call(Method::post, path, request_);
        EXPECT_EQ(response.status, 200);
        EXPECT_EQ(response.headers.find("Content-Type"), "application/json");
        EXPECT_EQ(text(response), R"({"model_name":"echo","model_version":"3","id":"7","outputs":[)"
                                  R"({"name":"y","datatype":"FP32","shape":[2],"data":[1,2]}]})");
    }
    const auto stats = text(call(Method::get, "/v2/models/echo/versions/3/stats"));
    EXPECT_NE(stats.find(R"("inference_count":2)"), std::string::npos) << stats;
    EXPECT_EQ(text(call(Method::get, "/v2/models/stats")).substr(0, 30), stats.substr(0, 30));
}

TEST_F(OipRoutesTest, InfersFromRawBytes) {
    net::Headers headers;
    headers.set("inference-header-content-length", "0");
    const std::string raw("\0\0\x80\x3f", 4);
    const auto response = call(Method::post, "/v2/models/echo/infer", raw, headers);
    ASSERT_EQ(response.status, 200) << text(response);
    EXPECT_EQ(response.headers.find("Content-Type"), "application/octet-stream");
    const auto body = text(response);
    const auto length = response.headers.find("Inference-Header-Content-Length");
    EXPECT_EQ(length, std::to_string(body.size() - 4));
    EXPECT_EQ(body.substr(body.size() - 4), raw);
}

TEST_F(OipRoutesTest, DecodesAndEncodesBodies) {
    for (const auto coding : {ContentCoding::gzip, ContentCoding::deflate}) {
        net::Headers headers;
        headers.set("Content-Encoding", std::string(to_string(coding)));
        headers.set("Accept-Encoding", std::string(to_string(coding)));
        const auto body = encode_content(coding, request_);
        ASSERT_TRUE(body);
        const auto response = call(Method::post, "/v2/models/echo/infer", *body, headers);
        ASSERT_EQ(response.status, 200) << text(response);
        EXPECT_EQ(response.headers.find("Content-Encoding"), to_string(coding));
        const auto plain = decode_content(coding, text(response), 4096);
        ASSERT_TRUE(plain);
        EXPECT_NE(plain->find(R"("data":[1,2])"), std::string::npos);
    }
}

TEST_F(OipRoutesTest, RefusesBadRequestsInTheProtocolsForm) {
    struct Case {
        std::string path;
        std::string body;
        std::pair<std::string, std::string> header;
        int status;
        std::string says;
    };
    const auto bomb = encode_content(ContentCoding::gzip, std::string(100'000, ' ')).value_or("");
    const std::vector<Case> cases{
        {"echo", "{", {"X", "y"}, 400, "not valid JSON"},
        {"echo", R"({"inputs":[]})", {"X", "y"}, 400, "missing"},
        {"echo", request_, {"Inference-Header-Content-Length", "-1"}, 400, "number of bytes"},
        {"echo", request_, {"Inference-Header-Content-Length", "9999"}, 400, "9999"},
        {"echo", request_, {"Content-Encoding", "br"}, 400, "Content-Encoding"},
        {"echo", request_, {"Content-Encoding", "gzip"}, 400, "damaged"},
        {"echo", bomb, {"Content-Encoding", "gzip"}, 400, "more than 4096 bytes"},
        {"none", request_, {"X", "y"}, 404, "Request for unknown model"},
    };
    for (const auto& one : cases) {
        net::Headers headers;
        headers.set(one.header.first, one.header.second);
        const auto response =
            call(Method::post, "/v2/models/" + one.path + "/infer", one.body, headers);
        EXPECT_EQ(response.status, one.status) << one.says;
        EXPECT_TRUE(text(response).starts_with(R"({"error":")")) << text(response);
        EXPECT_NE(text(response).find(one.says), std::string::npos) << text(response);
    }
}

// A health checker that sends nonsense must not have a good model rolled back.
TEST_F(OipRoutesTest, CountsOnlyWhatTheModelWasAsked) {
    net::Headers zipped;
    zipped.set("Content-Encoding", "gzip");
    const std::string infer = "/v2/models/echo/infer";
    EXPECT_EQ(call(Method::post, infer, "{").status, 400);
    EXPECT_EQ(call(Method::post, infer, "no gzip", zipped).status, 400);
    EXPECT_EQ(table_.find("echo").value()->statistics->snapshot().failures, 0U);
    EXPECT_EQ(call(Method::post, infer, request_).status, 200);
    EXPECT_EQ(call(Method::post, infer, R"({"inputs":[]})").status, 400) << "the model's word";
    const auto counted = table_.find("echo").value()->statistics->snapshot();
    EXPECT_EQ(counted.successes, 1U);
    EXPECT_EQ(counted.failures, 1U);
}

TEST_F(OipRoutesTest, ListsModelsAndIsNotReadyWhileOneIsOutOfService) {
    table_.withdraw("broken", "its golden vectors failed");
    const auto ready = call(Method::get, "/v2/health/ready");
    EXPECT_EQ(ready.status, 503);
    const std::string served = R"({"name":"echo","version":"3","state":"READY","reason":""})";
    EXPECT_EQ(
        text(call(Method::post, "/v2/repository/index")),
        "[" + served +
            R"(,{"name":"broken","version":"","state":"UNAVAILABLE","reason":"its golden vectors failed"}])");
    EXPECT_EQ(text(call(Method::post, "/v2/repository/index", R"({"ready":true})")),
              "[" + served + "]");
    EXPECT_EQ(call(Method::post, "/v2/repository/index", "[").status, 400);
    EXPECT_EQ(call(Method::post, "/v2/repository/models/echo/unload").status, 400);
    EXPECT_EQ(call(Method::post, "/v2/models/broken/infer", request_).status, 503);
}

TEST_F(OipRoutesTest, RefusesAtOnceWhenAllPlacesAreTakenAndRecovers) {
    model_->close();
    const auto infer = [this](int& status) -> boost::asio::awaitable<void> {
        Request request;
        request.method = Method::post;
        request.path = "/v2/models/echo/infer";
        request.body = request_;
        const auto response = co_await serve(request);
        status = response ? response->status : -1;
    };
    std::array<int, 2> held{};
    for (auto& status : held) runtime_.spawn(infer(status));
    std::thread loop([this] { runtime_.run(); });
    ASSERT_TRUE(model_->wait_started(2));
    runtime_.stop();
    loop.join();

    const auto refused = call(Method::post, "/v2/models/echo/infer", request_);
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.headers.find("Retry-After"), "1");
    EXPECT_EQ(held[0], 0);

    model_->open();
    // The held ones end on the loop; each call runs it until its own answer is there.
    Response again = call(Method::post, "/v2/models/echo/infer", request_);
    for (int i = 0; i < 1000 && again.status == 503; ++i) {
        std::this_thread::yield();
        again = call(Method::post, "/v2/models/echo/infer", request_);
    }
    EXPECT_EQ(again.status, 200);
}

TEST_F(OipRoutesTest, ServesARealModel) {
    const auto engine = infer::test_engine();
    if (!engine) GTEST_SKIP() << "ONNX Runtime is not installed: ./run setup";
    auto tiny = engine->load(infer::test_model("tiny_softmax.onnx"));
    ASSERT_TRUE(tiny) << tiny.error().message;
    ServedModel served;
    served.name = "tiny";
    served.version = "1";
    served.model = std::move(*tiny);
    table_.publish(std::move(served));
    const auto good =
        call(Method::post, "/v2/models/tiny/infer",
             R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,4],"data":[[1,2,3,4]]}]})");
    EXPECT_EQ(good.status, 200);
    EXPECT_NE(text(good).find("[0.07675"), std::string::npos) << text(good);
    const auto bad =
        call(Method::post, "/v2/models/tiny/infer",
             R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[1,2,3]}]})");
    EXPECT_EQ(bad.status, 400);
    EXPECT_EQ(text(bad), R"({"error":"input 'x' has shape [1,3], the model takes [-1,4]"})");
}

}  // namespace
}  // namespace strandline::gateway
