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

/// The JSON text that load_golden reads, with all data inside. NaN, infinity and BYTES that are not
/// UTF-8 are `invalid`.
[[nodiscard]] Result<std::string> write_golden(std::span<const GoldenCase> cases);

/// Runs every case; the first output outside the tolerance is `corrupt` and says which element of
/// which tensor is off by how much. Allowed is absolute + relative * |expected|; for integers
/// and BOOL only absolute; BYTES must be equal. NaN never matches.
[[nodiscard]] Status check_golden(Model& model, std::span<const GoldenCase> cases,
                                  Tolerance tolerance);

/// Without golden vectors: one run on zeros must give finite outputs. Free dimensions are 1; where
/// the model cannot run so small, free dimensions behind the first are tried larger.
[[nodiscard]] Status check_smoke(Model& model);

}  // namespace strandline::infer
