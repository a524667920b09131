#include <array>

#include "delta/layout/companion_scales.h"
#include "delta/layout/containers.h"
#include "delta/layout/float_regions.h"
#include "delta/layout/reader.h"

namespace strandline::delta {
namespace {

// Those with a signature first; ONNX and Darknet are known only by being readable.
constexpr std::array containers{
    Container{"gguf", read_gguf},
    Container{"npy", read_npy},
    Container{"hdf5", read_hdf5},
    Container{"zip", read_zip},
    Container{"tflite", read_tflite},
    Container{"torch-legacy", read_torch_legacy},
    Container{"safetensors", read_safetensors},
    Container{"onnx", read_onnx},
    Container{"darknet", read_darknet},
};

/// Smaller gaps between tensors are metadata.
constexpr std::uint64_t min_gap = 4096;

/// Looks for weights where the container's tables showed none: tables that were only partly
/// understood, damaged files, unknown containers.
void add_unclaimed(ByteSpan file, const std::vector<Tensor>& known, Collector& tensors,
                   WorkMeter& meter) {
    std::uint64_t at = 0;
    const auto look = [&](std::uint64_t end) {
        if (end < at + min_gap) return;
        for (auto& region : find_float_regions(slice(file, at, end - at), meter)) {
            region.offset += at;
            add_in_pieces(region, tensors);
        }
    };
    for (const auto& tensor : known) {
        look(tensor.offset);
        at = tensor.offset + tensor.bytes;
    }
    look(file.size());
}

}  // namespace

std::string_view read_container(ByteSpan file, Collector& tensors) {
    for (const auto& container : containers) {
        if (container.read(file, tensors)) return container.name;
    }
    return "";
}

Layout read_layout(ByteSpan file) {
    WorkMeter meter;
    return read_layout(file, meter);
}

Layout read_layout(ByteSpan file, WorkMeter& meter) {
    Layout layout;
    Collector claimed(file.size());
    layout.container = read_container(file, claimed);
    auto known = claimed.take();
    Collector all(file.size());
    add_unclaimed(file, known, all, meter);
    for (auto& tensor : known) all.add(std::move(tensor));
    layout.tensors = all.take();
    attach_companion_scales(file, layout.tensors);
    return layout;
}

}  // namespace strandline::delta
