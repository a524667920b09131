// Looks for the relatives of one arbitrary file's tensors in another, as they stand and cut anew.
// The input is: 2 bytes length of the old file, old file, new file.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "delta/layout/collector.h"
#include "delta/layout/reader.h"
#include "delta/layout/tensor.h"

namespace strandline::delta {
namespace {

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

struct Files {
    ByteSpan old_file;
    ByteSpan new_file;
};

void check_match(const TensorMatch& match, const Files& files, const FileMatch& found) {
    STRANDLINE_ASSERT(match.old_tensor.has_value() == (match.relation != Relation::none));
    if (!match.old_tensor) return;
    const auto& before = found.old_layout.tensors.at(*match.old_tensor);
    const auto& after = found.new_layout.tensors.at(match.new_tensor);
    check_permutation(match, before, after);
    if (match.relation == Relation::equal) {
        STRANDLINE_ASSERT(same_bytes(slice(files.old_file, before.offset, before.bytes),
                                     slice(files.new_file, after.offset, after.bytes)));
    } else {
        STRANDLINE_ASSERT(element_count(before.shape) == element_count(after.shape));
    }
}

void check(const Files& files, const FileMatch& found) {
    STRANDLINE_ASSERT(found.matches.size() == found.new_layout.tensors.size());
    for (std::size_t i = 0; i < found.matches.size(); ++i) {
        STRANDLINE_ASSERT(found.matches[i].new_tensor == i);
        check_match(found.matches[i], files, found);
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
    const delta::Files files{input.subspan(2, old_size), input.subspan(2 + old_size)};
    delta::FileMatch found{
        delta::read_layout(files.old_file), delta::read_layout(files.new_file), {}};
    found.matches =
        delta::match_tensors(found.old_layout, files.old_file, found.new_layout, files.new_file);
    delta::check(files, found);
    delta::check(files, delta::match_files(files.old_file, files.new_file));
    return 0;
}
