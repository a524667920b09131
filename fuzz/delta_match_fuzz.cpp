// Looks for the relatives of one arbitrary file's tensors in another. The input is: 2 bytes length
// of the old file, old file, new file.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "delta/layout/collector.h"
#include "delta/layout/reader.h"
#include "delta/layout/tensor.h"

namespace strandline::delta {
namespace {

struct File {
    ByteSpan bytes;
    Layout layout;

    explicit File(ByteSpan content) : bytes(content), layout(read_layout(content)) {}
};

void check_permutation(const TensorMatch& match, const Tensor& old_tensor,
                       const Tensor& new_tensor) {
    auto axes = match.permutation;
    if (axes.empty()) return;
    STRANDLINE_ASSERT(axes.size() == new_tensor.shape.size());
    STRANDLINE_ASSERT(axes.size() == old_tensor.shape.size());
    for (std::size_t axis = 0; axis < axes.size(); ++axis) {
        STRANDLINE_ASSERT(new_tensor.shape[axis] == old_tensor.shape.at(axes[axis]));
    }
    std::ranges::sort(axes);
    STRANDLINE_ASSERT(std::ranges::adjacent_find(axes) == axes.end());
}

void check_match(const TensorMatch& match, const File& old_file, const File& new_file) {
    STRANDLINE_ASSERT(match.old_tensor.has_value() == (match.relation != Relation::none));
    if (!match.old_tensor) return;
    const auto& before = old_file.layout.tensors.at(*match.old_tensor);
    const auto& after = new_file.layout.tensors.at(match.new_tensor);
    check_permutation(match, before, after);
    if (match.relation == Relation::equal) {
        STRANDLINE_ASSERT(std::ranges::equal(slice(old_file.bytes, before.offset, before.bytes),
                                             slice(new_file.bytes, after.offset, after.bytes)));
    } else {
        STRANDLINE_ASSERT(element_count(before.shape) == element_count(after.shape));
    }
}

}  // namespace
}  // namespace strandline::delta

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace delta = strandline::delta;
    const auto input = std::as_bytes(std::span(data, size));
    if (size < 2) return 0;
    const std::size_t old_size =
        std::min<std::size_t>(strandline::load_le<std::uint16_t>(input.first(2)), size - 2);
    const delta::File old_file(input.subspan(2, old_size));
    const delta::File new_file(input.subspan(2 + old_size));
    const auto matches =
        delta::match_tensors(old_file.layout, old_file.bytes, new_file.layout, new_file.bytes);
    STRANDLINE_ASSERT(matches.size() == new_file.layout.tensors.size());
    for (std::size_t i = 0; i < matches.size(); ++i) {
        STRANDLINE_ASSERT(matches[i].new_tensor == i);
        delta::check_match(matches[i], old_file, new_file);
    }
    return 0;
}
