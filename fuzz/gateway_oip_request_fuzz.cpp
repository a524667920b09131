#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/oip_message.h"

namespace {

namespace gateway = strandline::gateway;

/// What was understood must survive being written and read again, bit by bit.
void check_round_trip(const gateway::InferRequest& request) {
    gateway::InferRequest like;
    like.binary_outputs = true;
    auto written = gateway::write_infer_response({"m", "1"}, like, request.inputs);
    STRANDLINE_ASSERT(written.has_value());
    constexpr std::string_view from = "\"outputs\":[";
    constexpr std::string_view to = "\"inputs\":[";
    written->body.replace(written->body.find(from), from.size(), to);
    if (written->json_length) *written->json_length -= from.size() - to.size();
    const auto again = gateway::parse_infer_request(written->body, written->json_length);
    STRANDLINE_ASSERT(again && again->inputs.size() == request.inputs.size());
    for (std::size_t i = 0; i < request.inputs.size(); ++i) {
        const auto& before = request.inputs[i];
        const auto& after = again->inputs[i];
        STRANDLINE_ASSERT(before.name == after.name && before.type == after.type);
        STRANDLINE_ASSERT(before.shape == after.shape && before.data == after.data);
        STRANDLINE_ASSERT(before.elements == after.elements);
    }
}

}  // namespace

// Two bytes: the Inference-Header-Content-Length, 65535 for none. The rest: the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t length = data[0] + 256U * data[1];
    const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
    const auto json_length = length == 65535 ? std::nullopt : std::optional(length);
    const auto request = gateway::parse_infer_request(body, json_length);
    if (request) check_round_trip(*request);
    return 0;
}
