#include <algorithm>
#include <fmt/format.h>

#include "gateway/oip_json.h"
#include "gateway/oip_message.h"
#include "infer/tensor_binary.h"
#include "infer/tensor_json.h"

namespace strandline::gateway {
namespace {

/// Gives each input with raw data its part of the bytes behind the JSON.
Status attach_binary(std::string_view rest, RequestHeader& header) {
    std::size_t texts = 0;
    for (const auto& tensor : header.request.inputs) texts += tensor.elements.size();
    for (std::size_t i = 0; i < header.binary_sizes.size(); ++i) {
        const auto& size = header.binary_sizes[i];
        if (!size) continue;
        auto& tensor = header.request.inputs[i];
        if (*size > rest.size()) {
            return fail(
                Errc::invalid,
                fmt::format("input '{}' declares {} bytes of binary data, {} are left in the body",
                            tensor.name, *size, rest.size()));
        }
        TRY(infer::read_tensor_binary(as_bytes(rest.substr(0, *size)), tensor,
                                      max_request_texts - texts));
        texts += tensor.elements.size();
        rest.remove_prefix(*size);
    }
    if (rest.empty()) return {};
    return fail(Errc::invalid,
                fmt::format("the body has {} bytes more than its JSON and binary inputs declare",
                            rest.size()));
}

/// Sizes the free dimensions of the only input of a raw request.
Result<std::vector<std::int64_t>> raw_shape(const infer::TensorInfo& info, std::size_t body_bytes) {
    auto shape = info.shape;
    if (info.type == infer::DataType::bytes) {
        for (auto& size : shape) size = size < 0 ? 1 : size;
        return shape;
    }
    const bool batched = shape.size() > 1 && shape.front() < 0;
    if (batched) shape.front() = 1;
    const auto free = std::ranges::find_if(shape, [](std::int64_t size) { return size < 0; });
    if (free == shape.end()) return shape;
    *free = 1;
    if (std::ranges::any_of(shape, [](std::int64_t size) { return size < 0; })) {
        return fail(Errc::invalid,
                    fmt::format("input '{}' {} has too many free dimensions for a raw request",
                                info.name, infer::shape_text(info.shape)));
    }
    TRY(const auto count, infer::element_count(shape));
    const auto unit = count * infer::element_size(info.type);
    if (unit > 0) *free = static_cast<std::int64_t>(body_bytes / unit);
    return shape;
}

bool is_binary(const InferRequest& request, const std::string& output) {
    const auto wanted = std::ranges::find(request.outputs, output, &WantedOutput::name);
    if (wanted == request.outputs.end()) return request.binary_outputs;
    return wanted->binary.value_or(request.binary_outputs);
}

Status append_output(const infer::Tensor& tensor, bool binary, std::string& json) {
    TRY(infer::check_tensor(tensor));
    json += "{\"name\":";
    infer::append_json_string(tensor.name, json);
    json += fmt::format(",\"datatype\":\"{}\",\"shape\":{}", infer::to_string(tensor.type),
                        infer::shape_text(tensor.shape));
    if (binary) {
        json += fmt::format(",\"parameters\":{{\"binary_data_size\":{}}}}}",
                            infer::binary_size(tensor));
        return {};
    }
    if (tensor.type == infer::DataType::fp16) {
        return fail(Errc::invalid,
                    fmt::format("output '{}' is FP16, which is sent as binary data only; ask "
                                "with parameter 'binary_data'",
                                tensor.name));
    }
    json += ",\"data\":";
    TRY(infer::write_tensor_data(tensor, json));
    json += '}';
    return {};
}

}  // namespace

Result<InferRequest> parse_infer_request(std::string_view body,
                                         std::optional<std::size_t> json_length) {
    const auto length = json_length.value_or(body.size());
    if (length > body.size()) {
        return fail(Errc::invalid,
                    fmt::format("Inference-Header-Content-Length is {}, the body has {} bytes",
                                length, body.size()));
    }
    TRY(auto header, parse_request_json(body.substr(0, length)));
    TRY(attach_binary(body.substr(length), header));
    return std::move(header.request);
}

Result<InferRequest> parse_raw_request(std::string_view body,
                                       std::span<const infer::TensorInfo> inputs) {
    if (inputs.size() != 1) {
        return fail(Errc::invalid,
                    fmt::format("a raw request needs a model with one input, this one has {}",
                                inputs.size()));
    }
    const auto& info = inputs.front();
    InferRequest out;
    out.binary_outputs = true;
    infer::Tensor tensor{info.name, info.type, {}, {}, {}};
    TRY(tensor.shape, raw_shape(info, body.size()));
    if (info.type == infer::DataType::bytes) {
        // Here the body is the element itself, without its length.
        tensor.elements.emplace_back(body);
        TRY(infer::check_tensor(tensor));
    } else {
        TRY(infer::read_tensor_binary(as_bytes(body), tensor));
    }
    out.inputs.push_back(std::move(tensor));
    return out;
}

Result<InferMessage> write_infer_response(const ModelLabel& model, const InferRequest& request,
                                          std::span<const infer::Tensor> outputs) {
    InferMessage out;
    auto& json = out.body;
    json += "{\"model_name\":";
    infer::append_json_string(model.name, json);
    json += ",\"model_version\":";
    infer::append_json_string(model.version, json);
    if (request.id) {
        json += ",\"id\":";
        infer::append_json_string(*request.id, json);
    }
    json += ",\"outputs\":[";
    bool any_binary = false;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (i > 0) json += ',';
        const bool binary = is_binary(request, outputs[i].name);
        any_binary = any_binary || binary;
        TRY(append_output(outputs[i], binary, json));
    }
    json += "]}";
    if (!any_binary) return out;
    out.json_length = out.body.size();
    for (const auto& tensor : outputs) {
        if (is_binary(request, tensor.name)) infer::write_tensor_binary(tensor, out.body);
    }
    return out;
}

}  // namespace strandline::gateway
