#include <cstring>
#include <gtest/gtest.h>

#include "gateway/oip_routes.h"
#include "infer/test_models.h"
#include "net/http_client.h"
#include "net/http_server.h"

// The routes behind the real server, by the real client, over loopback.
namespace strandline::gateway {
namespace {

using infer::DataType;
using infer::Tensor;

/// OUTPUT0 = INPUT0 + INPUT1, OUTPUT1 = INPUT0 - INPUT1: the model of Triton's examples.
class SimpleModel final : public infer::Model {
public:
    const std::vector<infer::TensorInfo>& inputs() const override { return inputs_; }
    const std::vector<infer::TensorInfo>& outputs() const override { return outputs_; }
    Result<std::vector<Tensor>> run(std::span<const Tensor> inputs,
                                    std::span<const std::string>) override {
        if (inputs.size() != 2) return fail(Errc::invalid, "two inputs are needed");
        const auto a = inputs[0].as<std::int32_t>();
        const auto b = inputs[1].as<std::int32_t>();
        std::vector<std::int32_t> sums;
        std::vector<std::int32_t> differences;
        for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
            sums.push_back(a[i] + b[i]);
            differences.push_back(a[i] - b[i]);
        }
        return std::vector{
            infer::test_tensor("OUTPUT0", DataType::int32, inputs[0].shape, sums),
            infer::test_tensor("OUTPUT1", DataType::int32, inputs[0].shape, differences)};
    }

private:
    std::vector<infer::TensorInfo> inputs_{{"INPUT0", DataType::int32, {-1, 2}},
                                           {"INPUT1", DataType::int32, {-1, 2}}};
    std::vector<infer::TensorInfo> outputs_{{"OUTPUT0", DataType::int32, {-1, 2}},
                                            {"OUTPUT1", DataType::int32, {-1, 2}}};
};

class OipHttpTest : public ::testing::Test {
protected:
    void SetUp() override {
        ServedModel served;
        served.name = "simple";
        served.version = "1";
        served.model = std::make_shared<SimpleModel>();
        table_.publish(std::move(served));
        net::Router router;
        OipOptions options;
        options.max_request_bytes = 1024;
        add_oip_routes(router, runtime_, table_, options);
        auto server = net::HttpServer::create(runtime_, std::move(router), {});
        ASSERT_TRUE(server) << server.error().message;
        server_ = std::move(*server);
        auto client = net::HttpClient::create(runtime_, {});
        ASSERT_TRUE(client) << client.error().message;
        client_ = std::move(*client);
    }

    net::ClientResponse post(const std::string& path, std::string body, net::Headers headers = {}) {
        net::ClientRequest request;
        request.method = net::Method::post;
        request.url = "http://127.0.0.1:" + std::to_string(server_->port()) + path;
        request.headers = std::move(headers);
        request.body = std::move(body);
        request.deadline = Deadline::after(std::chrono::seconds{20});
        auto response = runtime_.block_on(client_->send(std::move(request)));
        EXPECT_TRUE(response) << response.error().message;
        return response ? std::move(*response) : net::ClientResponse{};
    }

    net::Runtime runtime_{net::Runtime::Options{}};
    ModelTable table_;
    std::unique_ptr<net::HttpServer> server_;
    std::unique_ptr<net::HttpClient> client_;
};

TEST_F(OipHttpTest, CarriesMixedTensorsBothWaysAndIgnoresTheQuery) {
    const std::string json =
        R"({"inputs":[{"name":"INPUT0","datatype":"INT32","shape":[1,2],"parameters":{"binary_data_size":8}},)"
        R"({"name":"INPUT1","datatype":"INT32","shape":[1,2],"data":[[1,2]]}],)"
        R"("outputs":[{"name":"OUTPUT0","parameters":{"binary_data":true}},{"name":"OUTPUT1"}]})";
    net::Headers headers;
    headers.set("inference-header-content-length", std::to_string(json.size()));
    const auto response = post("/v2/models/simple/infer?test_1=1&test_2=2",
                               json + std::string("\x0a\0\0\0\x14\0\0\0", 8), headers);
    ASSERT_EQ(response.status, 200) << response.body;
    const auto length = response.headers.find("Inference-Header-Content-Length");
    ASSERT_TRUE(length);
    ASSERT_EQ(std::to_string(response.body.size() - 8), *length);
    EXPECT_NE(response.body.find(R"("data":[9,18])"), std::string::npos);
    std::array<std::int32_t, 2> sums{};
    std::memcpy(sums.data(), response.body.data() + response.body.size() - 8, 8);
    EXPECT_EQ(sums, (std::array<std::int32_t, 2>{11, 22}));
}

TEST_F(OipHttpTest, RefusesABodyBeyondTheLimit) {
    const auto response = post("/v2/models/simple/infer", std::string(2000, ' '));
    EXPECT_GE(response.status, 400);
    EXPECT_LT(response.status, 500);
}

TEST_F(OipHttpTest, AnswersErrorsInTheProtocolsForm) {
    const auto response = post("/v2/models/none/infer", "{}");
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(response.body, R"({"error":"Request for unknown model: 'none' is not found"})");
}

}  // namespace
}  // namespace strandline::gateway
