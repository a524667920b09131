#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>

#include "infer/engine.h"

namespace strandline::infer {

/// For tests: the models made for this project.
[[nodiscard]] inline std::filesystem::path test_model(const char* name) {
    return std::filesystem::path(STRANDLINE_SOURCE_DIR) / "examples/models" / name;
}

/// For tests: the engine that setup put under build/, or null where it is not installed.
[[nodiscard]] inline std::unique_ptr<Engine> test_engine() {
    EngineOptions options;
    const auto library =
        std::filesystem::path(STRANDLINE_SOURCE_DIR) / "build/onnxruntime/lib/libonnxruntime.so.1";
    if (std::filesystem::exists(library)) options.library = library;
    auto engine = open_onnx_engine(options);
    return engine ? std::move(*engine) : nullptr;
}

/// For tests: a tensor of numbers.
template <class T>
[[nodiscard]] Tensor test_tensor(std::string name, DataType type, std::vector<std::int64_t> shape,
                                 const std::vector<T>& values) {
    Tensor out{std::move(name), type, std::move(shape), {}, {}};
    const auto bytes = std::as_bytes(std::span<const T>(values));
    out.data.assign(bytes.begin(), bytes.end());
    return out;
}

}  // namespace strandline::infer
