#include <fmt/format.h>

#include "base/json.h"
#include "gateway/oip_metadata.h"

namespace strandline::gateway {
namespace {

namespace json = boost::json;

json::array shape_json(const std::vector<std::int64_t>& shape) {
    return json::array(shape.begin(), shape.end());
}

json::array tensors_json(const std::vector<infer::TensorInfo>& tensors) {
    json::array out;
    for (const auto& tensor : tensors) {
        out.push_back(json::object{{"name", tensor.name},
                                   {"datatype", infer::to_string(tensor.type)},
                                   {"shape", shape_json(tensor.shape)}});
    }
    return out;
}

/// TYPE_FP32 and so on; only BYTES has another name there.
std::string config_type(infer::DataType type) {
    if (type == infer::DataType::bytes) return "TYPE_STRING";
    return fmt::format("TYPE_{}", infer::to_string(type));
}

json::array config_tensors(const std::vector<infer::TensorInfo>& tensors) {
    json::array out;
    for (const auto& tensor : tensors) {
        out.push_back(json::object{{"name", tensor.name},
                                   {"data_type", config_type(tensor.type)},
                                   {"dims", shape_json(tensor.shape)}});
    }
    return out;
}

json::object duration(std::uint64_t count, std::chrono::nanoseconds total) {
    return {{"count", count}, {"ns", total.count()}};
}

json::object model_statistics(const ServedModel& model) {
    const auto now = model.statistics->snapshot();
    const auto all = now.successes + now.failures;
    constexpr std::chrono::nanoseconds none{0};
    return {
        {"name", model.name},
        {"version", model.version},
        {"last_inference", now.last_unix_ms},
        {"inference_count", now.successes},
        {"execution_count", now.successes},
        {"inference_stats", json::object{{"success", duration(now.successes, now.queued + now.run)},
                                         {"fail", duration(now.failures, none)},
                                         {"queue", duration(all, now.queued)},
                                         {"compute_input", duration(all, none)},
                                         {"compute_infer", duration(all, now.run)},
                                         {"compute_output", duration(all, none)},
                                         {"cache_hit", duration(0, none)},
                                         {"cache_miss", duration(0, none)}}},
        {"batch_stats", json::array{}},
        {"p99_run_ns", now.p99_run.count()}};
}

json::object index_entry(std::string_view name, std::string_view version, std::string_view state,
                         std::string_view reason) {
    return {{"name", name}, {"version", version}, {"state", state}, {"reason", reason}};
}

}  // namespace

std::string oip_error_json(std::string_view message) {
    return write_json(json::object{{"error", message}});
}

std::string server_metadata_json(std::string_view name, std::string_view version) {
    const json::array extensions{"binary_tensor_data", "statistics", "model_configuration"};
    return write_json(
        json::object{{"name", name}, {"version", version}, {"extensions", extensions}});
}

std::string model_ready_json(std::string_view name) {
    return write_json(json::object{{"name", name}, {"ready", true}});
}

std::string model_metadata_json(const ServedModel& model) {
    return write_json(json::object{{"name", model.name},
                                   {"versions", json::array{json::value(model.version)}},
                                   {"platform", model.platform},
                                   {"inputs", tensors_json(model.model->inputs())},
                                   {"outputs", tensors_json(model.model->outputs())}});
}

std::string model_config_json(const ServedModel& model) {
    return write_json(json::object{{"name", model.name},
                                   {"platform", model.platform},
                                   {"backend", "onnxruntime"},
                                   {"max_batch_size", 0},
                                   {"input", config_tensors(model.model->inputs())},
                                   {"output", config_tensors(model.model->outputs())}});
}

Result<IndexRequest> parse_index_request(std::string_view body) {
    IndexRequest out;
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return out;
    TRY(const auto root, parse_json(body, "request"));
    JsonReader in(root, "request");
    out.ready_only = in.boolean_or("ready", false);
    TRY(in.finish_lenient());
    return out;
}

std::string repository_index_json(const ModelTable& models, IndexRequest request) {
    json::array out;
    for (const auto& model : models.list()) {
        out.push_back(index_entry(model->name, model->version, "READY", ""));
    }
    if (!request.ready_only) {
        for (const auto& [name, reason] : models.unavailable()) {
            out.push_back(index_entry(name, "", "UNAVAILABLE", reason));
        }
    }
    return write_json(out);
}

std::string statistics_json(std::span<const std::shared_ptr<const ServedModel>> models) {
    json::array out;
    for (const auto& model : models) out.push_back(model_statistics(*model));
    return write_json(json::object{{"model_stats", std::move(out)}});
}

}  // namespace strandline::gateway
