#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/model_table.h"

// The JSON answers of the Open Inference Protocol v2 besides inference.
namespace strandline::gateway {

/// `{"error":TEXT}`, the protocol's own form.
[[nodiscard]] std::string oip_error_json(std::string_view message);

[[nodiscard]] std::string server_metadata_json(std::string_view name, std::string_view version);
[[nodiscard]] std::string model_ready_json(std::string_view name);
[[nodiscard]] std::string model_metadata_json(const ServedModel& model);
/// Triton's model configuration, as far as it means something here.
[[nodiscard]] std::string model_config_json(const ServedModel& model);

/// Triton's repository index. The request body is empty or `{"ready":bool}`.
struct IndexRequest {
    bool ready_only = false;
};
[[nodiscard]] Result<IndexRequest> parse_index_request(std::string_view body);
[[nodiscard]] std::string repository_index_json(const ModelTable& models, IndexRequest request);

/// Triton's statistics, with `p99_run_ns` of our own.
[[nodiscard]] std::string statistics_json(
    std::span<const std::shared_ptr<const ServedModel>> models);

}  // namespace strandline::gateway
