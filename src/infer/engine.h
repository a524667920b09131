#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "infer/tensor.h"

namespace strandline::infer {

/// A loaded model. Thread-safe: run() may be called from several threads at once.
class Model {
public:
    virtual ~Model() = default;
    [[nodiscard]] virtual const std::vector<TensorInfo>& inputs() const = 0;
    [[nodiscard]] virtual const std::vector<TensorInfo>& outputs() const = 0;
    /// Blocks. Inputs may come in any order and must be complete; empty `wanted` means all outputs.
    /// Unknown names, wrong types or shapes are `invalid` and name the tensor.
    [[nodiscard]] virtual Result<std::vector<Tensor>> run(std::span<const Tensor> inputs,
                                                          std::span<const std::string> wanted) = 0;
};

struct EngineOptions {
    /// When set, the only path tried; else $STRANDLINE_ONNXRUNTIME when that is set; else the
    /// folder of the program, its ../lib and ../../onnxruntime/lib, then the loader's search path.
    std::filesystem::path library;
    int threads = 1;  ///< inside one run; more did not pay on small machines
};

/// Loads models. One per process; thread-safe.
class Engine {
public:
    virtual ~Engine() = default;
    [[nodiscard]] virtual Result<std::unique_ptr<Model>> load(
        const std::filesystem::path& file) = 0;
    /// "onnxruntime 1.30.0"
    [[nodiscard]] virtual std::string description() const = 0;
};

/// ONNX Runtime through dlopen. A missing library, or a build without its headers, is `unavailable`
/// with the paths tried and what to do; the caller can go on without an engine.
[[nodiscard]] Result<std::unique_ptr<Engine>> open_onnx_engine(const EngineOptions& options);

}  // namespace strandline::infer
