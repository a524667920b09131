#pragma once

#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "delta/layout/collector.h"

// One function for each container. It looks whether the file is one of its kind; if so it claims
// the tensors and returns true. Claims may be wrong in every way: the collector checks them.
namespace strandline::delta {

bool read_safetensors(ByteSpan file, Collector& tensors);
bool read_gguf(ByteSpan file, Collector& tensors);
bool read_npy(ByteSpan file, Collector& tensors);
bool read_darknet(ByteSpan file, Collector& tensors);
bool read_onnx(ByteSpan file, Collector& tensors);
bool read_tflite(ByteSpan file, Collector& tensors);
bool read_hdf5(ByteSpan file, Collector& tensors);
bool read_zip(ByteSpan file, Collector& tensors);
bool read_torch_legacy(ByteSpan file, Collector& tensors);

struct Container {
    std::string_view name;
    bool (*read)(ByteSpan file, Collector& tensors);
};

/// The container that claims the bytes, and "" with no claims when none does.
std::string_view read_container(ByteSpan file, Collector& tensors);

}  // namespace strandline::delta
