#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/oip_message.h"

namespace strandline::gateway {

/// The JSON part of a request. Inputs with raw data have no bytes yet.
struct RequestHeader {
    InferRequest request;
    /// Per input: parameter `binary_data_size`, unset for data in JSON.
    std::vector<std::optional<std::uint64_t>> binary_sizes;
};

inline constexpr std::size_t max_inputs = 256;
/// BYTES elements of one request together: each costs 32 bytes however short it is.
inline constexpr std::size_t max_request_texts = std::size_t{1} << 20;

[[nodiscard]] Result<RequestHeader> parse_request_json(std::string_view json);

}  // namespace strandline::gateway
