// Looks for tensors and for deflated members in arbitrary bytes. What is found must keep the
// promises of delta/layout; an unfolded file must fold to what it was.
#include <cstddef>
#include <cstdint>

#include "delta/layout/collector.h"
#include "delta/layout/reader.h"
#include "delta/layout/tensor.h"
#include "delta/layout/unfold.h"

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

void check_unfolding(ByteSpan file) {
    const auto members = find_deflated(file, std::uint64_t{1} << 18);
    if (members.empty()) return;
    MemoryWriter unfolded;
    STRANDLINE_ASSERT(unfold(file, members, unfolded).has_value());
    check_layout(read_unfolded_layout(file, members, unfolded.bytes()), unfolded.bytes().size());
    MemoryWriter folded;
    Folder folder(members, folded);
    STRANDLINE_ASSERT(folder.write(unfolded.bytes()).has_value());
    STRANDLINE_ASSERT(folder.finish().has_value());
    STRANDLINE_ASSERT(same_bytes(folded.bytes(), file));
}

}  // namespace
}  // namespace strandline::delta

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace delta = strandline::delta;
    const auto file = std::as_bytes(std::span(data, size));
    delta::check_layout(delta::read_layout(file), size);
    delta::check_unfolding(file);
    return 0;
}
