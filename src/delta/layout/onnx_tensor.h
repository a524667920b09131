#pragma once

#include "delta/layout/collector.h"

namespace strandline::delta {

/// Reads a TensorProto, a part of `file`. The claim has 0 bytes when the data stand elsewhere or in
/// a form that is not a row of numbers. `name` is used when the tensor has none.
[[nodiscard]] Collector::Claim read_onnx_tensor(ByteSpan file, ByteSpan message,
                                                std::string_view name);

}  // namespace strandline::delta
