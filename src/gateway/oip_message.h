#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "infer/tensor.h"

// The message forms of the Open Inference Protocol v2 over HTTP, free of I/O: JSON, and JSON
// followed by raw tensors (extension `binary_tensor_data`).
namespace strandline::gateway {

/// An output that the client asked for.
struct WantedOutput {
    std::string name;
    std::optional<bool> binary;  ///< parameter `binary_data`; unset follows the request
};

struct InferRequest {
    std::optional<std::string> id;  ///< echoed, also when empty
    std::vector<infer::Tensor> inputs;
    std::vector<WantedOutput> outputs;  ///< empty means all
    bool binary_outputs = false;        ///< parameter `binary_data_output`
    /// Parameter `timeout`: longest time in the queue; zero is no limit.
    std::chrono::microseconds timeout{0};
};

/// A body and the length of its JSON part, when raw tensors follow.
struct InferMessage {
    std::string body;
    std::optional<std::size_t> json_length;
};

/// Who answers.
struct ModelLabel {
    std::string_view name;
    std::string_view version;
};

/// Parses a request. `json_length` is the Inference-Header-Content-Length field, if there was one.
/// Data may be JSON or raw per input. Everything that is not a whole, consistent request is
/// `invalid`; whether it fits the model is the model's to say.
[[nodiscard]] Result<InferRequest> parse_infer_request(std::string_view body,
                                                       std::optional<std::size_t> json_length);

/// A raw request (Inference-Header-Content-Length: 0): the whole body is the one input of the
/// model. A first free dimension is taken as a batch of 1; one more free dimension follows from the
/// size.
[[nodiscard]] Result<InferRequest> parse_raw_request(std::string_view body,
                                                     std::span<const infer::TensorInfo> inputs);

/// Writes the answer to `request`, outputs in the given order. `invalid` when an output has no JSON
/// form (FP16, NaN, bytes that are not UTF-8) and the client did not ask for raw data.
[[nodiscard]] Result<InferMessage> write_infer_response(const ModelLabel& model,
                                                        const InferRequest& request,
                                                        std::span<const infer::Tensor> outputs);

}  // namespace strandline::gateway
