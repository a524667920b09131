#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace strandline::cli {

/// "1,3,224,224", each 0 or more; empty text is the shape of a single value.
[[nodiscard]] Result<std::vector<std::int64_t>> parse_shape(std::string_view text);
/// "[1,3,224,224]"
[[nodiscard]] std::string shape_json(const std::vector<std::int64_t>& shape);

/// Little-endian binary16 values as a JSON list. What JSON has no number for becomes "inf", "-inf"
/// or "nan". An odd byte at the end is left out.
[[nodiscard]] std::string fp16_json(ByteSpan bytes);

}  // namespace strandline::cli
