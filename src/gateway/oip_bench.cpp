#include <benchmark/benchmark.h>
#include <chrono>

#include "gateway/content_coding.h"
#include "gateway/oip_infer.h"
#include "gateway/oip_message.h"
#include "infer/test_models.h"

namespace strandline::gateway {
namespace {

using infer::DataType;

/// One 3 x 224 x 224 picture.
infer::Tensor picture(DataType type) {
    const std::size_t count = 3 * 224 * 224;
    if (type == DataType::uint8) {
        return infer::test_tensor<std::uint8_t>("image", type, {1, 3, 224, 224},
                                                std::vector<std::uint8_t>(count, 7));
    }
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i % 255) / 255.0F;
    return infer::test_tensor<float>("image", type, {1, 3, 224, 224}, values);
}

/// The request that a client would send with `tensor`: an answer has the same form.
InferMessage request_with(const infer::Tensor& tensor, bool binary) {
    InferRequest like;
    like.binary_outputs = binary;
    const std::vector outputs{tensor};
    auto message = *write_infer_response({"m", "1"}, like, outputs);
    const std::string_view from = "\"outputs\"";
    const std::string_view to = "\"inputs\"";
    message.body.replace(message.body.find(from), from.size(), to);
    if (message.json_length) *message.json_length -= from.size() - to.size();
    return message;
}

void parse_picture(benchmark::State& state, bool binary) {
    const auto message = request_with(picture(DataType::fp32), binary);
    for (auto _ : state) {
        auto request = parse_infer_request(message.body, message.json_length);
        if (!request) state.SkipWithError(request.error().message.c_str());
        benchmark::DoNotOptimize(request);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * message.body.size()));
}
BENCHMARK_CAPTURE(parse_picture, json, false);
BENCHMARK_CAPTURE(parse_picture, binary, true);

void write_picture(benchmark::State& state, bool binary) {
    InferRequest request;
    request.binary_outputs = binary;
    const std::vector outputs{picture(DataType::fp32)};
    std::size_t size = 0;
    for (auto _ : state) {
        const auto message = write_infer_response({"m", "1"}, request, outputs);
        size = message->body.size();
        benchmark::DoNotOptimize(message);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * size));
}
BENCHMARK_CAPTURE(write_picture, json, false);
BENCHMARK_CAPTURE(write_picture, binary, true);

void decode_gzip(benchmark::State& state) {
    const auto message = request_with(picture(DataType::fp32), true);
    const auto coded = *encode_content(ContentCoding::gzip, message.body);
    for (auto _ : state) {
        benchmark::DoNotOptimize(decode_content(ContentCoding::gzip, coded, message.body.size()));
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * message.body.size()));
}
BENCHMARK(decode_gzip);

/// Everything but HTTP: parse, check, run the 195-byte model, write.
void tiny_model(benchmark::State& state, bool binary) {
    const auto engine = infer::test_engine();
    if (!engine) return state.SkipWithError("ONNX Runtime is not installed: ./run setup");
    auto model = engine->load(infer::test_model("tiny_softmax.onnx"));
    if (!model) return state.SkipWithError(model.error().message.c_str());
    ServedModel served;
    served.name = "tiny";
    served.version = "1";
    served.model = std::move(*model);

    const auto message =
        request_with(infer::test_tensor<float>("x", DataType::fp32, {1, 4}, {1, 2, 3, 4}), binary);
    InferJob job;
    job.model = std::make_shared<const ServedModel>(std::move(served));
    job.body = message.body;
    job.json_length = message.json_length;
    for (auto _ : state) {
        job.queued_at = system_clock().steady();
        const auto answer = run_infer_job(job, system_clock());
        if (!answer) state.SkipWithError(answer.error().message.c_str());
    }
    const auto snapshot = job.model->statistics->snapshot();
    state.counters["model_us"] =
        benchmark::Counter(static_cast<double>(snapshot.run.count()) / 1000.0 /
                           static_cast<double>(snapshot.successes));
}
BENCHMARK_CAPTURE(tiny_model, json, false);
BENCHMARK_CAPTURE(tiny_model, binary, true);

}  // namespace
}  // namespace strandline::gateway
