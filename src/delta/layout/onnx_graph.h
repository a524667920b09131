#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "delta/layout/collector.h"

namespace strandline::delta {

/// A node that turns integers back into numbers: which of the graph's tensors are its quantised
/// input, scales and zero points. Names are borrowed from the file.
struct OnnxScaling {
    std::string_view quantised;
    std::string_view scale;
    std::string_view zero_point;
    std::uint32_t axis = 1;
};

/// What one walk through an ONNX file found.
struct OnnxGraph {
    bool found = false;  ///< the bytes are readable as a model with a graph
    std::vector<Collector::Claim> tensors;
    std::vector<OnnxScaling> scalings;
};

/// Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
[[nodiscard]] OnnxGraph walk_onnx(ByteSpan file);

}  // namespace strandline::delta
