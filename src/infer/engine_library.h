#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "infer/engine.h"

namespace strandline::infer {

/// Where ONNX Runtime's library is looked for, best first. A path that was set on purpose is the
/// only one: using another silently would hide the mistake.
[[nodiscard]] std::vector<std::filesystem::path> library_candidates(const EngineOptions& options);

/// Loads the first candidate that works and returns its `OrtGetApiBase`. None is `unavailable` and
/// names every path with its problem. The library stays loaded until the process ends.
[[nodiscard]] Result<void*> load_library_symbol(
    const std::vector<std::filesystem::path>& candidates, const char* symbol);

}  // namespace strandline::infer
