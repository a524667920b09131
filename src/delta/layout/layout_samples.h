#pragma once

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "delta/files.h"
#include "delta/layout/collector.h"
#include "delta/layout/sign_samples.h"
#include "delta/layout/tensor.h"

// For tests: the small model files that are the fuzzer's seeds, too. In all their tensors, element
// i is i % 100 - 50 (i % 100 where there are no negative numbers).
namespace strandline::delta {

inline Bytes sample_file(const std::string& name) {
    const auto path = std::string(STRANDLINE_SOURCE_DIR "/fuzz/seeds/delta_layout/") + name;
    auto in = FileReader::open(path);
    EXPECT_TRUE(in.has_value()) << path;
    if (!in) return {};
    Bytes bytes(static_cast<std::size_t>(in->size()));
    EXPECT_TRUE(in->read_at(0, bytes).has_value()) << path;
    return bytes;
}

inline const std::vector<std::string>& sample_names() {
    static const std::vector<std::string> names{
        "arrays.npz",    "checkpoint.pt", "fortran.npy",       "legacy.pth",
        "model.gguf",    "model.onnx",    "model.safetensors", "model.tflite",
        "new_groups.h5", "old_groups.h5", "unknown.bin",       "yolo.weights"};
    return names;
}

/// What every layout promises, whatever the file.
inline void expect_sound(const Layout& layout, std::uint64_t file_bytes) {
    std::uint64_t end = 0;
    for (const auto& tensor : layout.tensors) {
        EXPECT_GE(tensor.offset, end);
        ASSERT_LE(tensor.offset, file_bytes);
        ASSERT_LE(tensor.bytes, file_bytes - tensor.offset);
        EXPECT_EQ(element_count(tensor.shape).value_or(0) * element_size(tensor.type),
                  tensor.bytes);
        end = tensor.offset + tensor.bytes;
    }
}

/// "name type[axis,axis]"
inline std::string describe(const Tensor& tensor) {
    static const std::vector<std::string> types{"f64", "f32", "f16", "bf16", "i64",
                                                "i32", "i16", "i8",  "u8",   "opaque"};
    std::string text = tensor.name + ' ' + types[static_cast<std::size_t>(tensor.type)] + '[';
    for (const auto axis : tensor.shape) text += std::to_string(axis) + ',';
    text.back() = ']';
    return text;
}

}  // namespace strandline::delta
