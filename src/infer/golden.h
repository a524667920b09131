#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "infer/engine.h"
#include "infer/tensor.h"

namespace strandline::infer {

/// Inputs and the outputs they must give.
struct GoldenCase {
    std::vector<Tensor> inputs;
    std::vector<Tensor> outputs;
};

struct Tolerance {
    double absolute = 1e-3;
    double relative = 1e-3;
};

/// Reads golden vectors: {"cases":[{"inputs":[T],"outputs":[T]}]} where a tensor T is
/// {"name","datatype","shape"} with "data" (flat or nested list) or "file" (path inside the bundle
/// of raw little-endian bytes, so that large inputs are stored once and shared by releases).
[[nodiscard]] Result<std::vector<GoldenCase>> load_golden(const std::filesystem::path& bundle,
                                                          std::string_view file);

/// Runs every case; the first output outside the tolerance is `corrupt` and says which element of
/// which tensor is off by how much. NaN never matches.
[[nodiscard]] Status check_golden(Model& model, std::span<const GoldenCase> cases, Tolerance tolerance);

/// Without golden vectors: one run on zeros with free dimensions set to 1 must give finite outputs.
[[nodiscard]] Status check_smoke(Model& model);

}  // namespace strandline::infer
