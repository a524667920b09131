// Looks for tensors in arbitrary bytes. What is found must keep the promises of delta/layout.
#include <cstddef>
#include <cstdint>

#include "delta/layout/collector.h"
#include "delta/layout/tensor.h"

namespace strandline::delta {
namespace {

void check_tensor(const Tensor& tensor, std::uint64_t file_bytes) {
    STRANDLINE_ASSERT(tensor.offset <= file_bytes);
    STRANDLINE_ASSERT(tensor.bytes <= file_bytes - tensor.offset);
    STRANDLINE_ASSERT(element_count(tensor.shape) == tensor.bytes / element_size(tensor.type));
    STRANDLINE_ASSERT(tensor.bytes % element_size(tensor.type) == 0);
    STRANDLINE_ASSERT(tensor.name.size() <= max_name_bytes);
    if (!tensor.quantisation) return;
    const auto& [scales, zero_points, axis] = *tensor.quantisation;
    STRANDLINE_ASSERT(zero_points.empty() || zero_points.size() == scales.size());
    STRANDLINE_ASSERT(scales.size() == 1 || tensor.shape.at(axis) == scales.size());
}

void check_layout(const Layout& layout, std::uint64_t file_bytes) {
    STRANDLINE_ASSERT(layout.tensors.size() <= max_tensors);
    std::uint64_t end = 0;
    for (const auto& tensor : layout.tensors) {
        STRANDLINE_ASSERT(tensor.offset >= end);
        check_tensor(tensor, file_bytes);
        end = tensor.offset + tensor.bytes;
    }
}

}  // namespace
}  // namespace strandline::delta

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace delta = strandline::delta;
    delta::check_layout(delta::read_layout(std::as_bytes(std::span(data, size))), size);
    return 0;
}
