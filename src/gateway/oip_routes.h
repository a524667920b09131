#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "gateway/model_table.h"
#include "net/router.h"
#include "net/runtime.h"

namespace strandline::gateway {

struct OipOptions {
    std::string server_name = "strandline";
    std::string server_version;
    std::size_t max_request_bytes = std::size_t{64} << 20;
    /// Inferences waiting or running at once; one more is `exhausted` (503 with Retry-After).
    std::size_t max_pending = 64;
};

/// Adds the Open Inference Protocol v2 routes (HTTP/JSON and binary tensors; Triton's repository
/// index and statistics) to a router. `models` and `runtime` must outlive the server.
void add_oip_routes(net::Router& router, net::Runtime& runtime, ModelTable& models,
                    OipOptions options);

}  // namespace strandline::gateway
