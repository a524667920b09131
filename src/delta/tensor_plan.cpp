#include "delta/tensor_plan.h"

#include <algorithm>

namespace strandline::delta {
namespace {

// Tensors of fewer bytes are no better off than the bytes around them.
constexpr std::uint64_t min_part_bytes = 64;

bool continues(const TensorPart& last, const TensorPart& next) {
    if (last.end != next.begin || last.type != next.type || last.row != next.row) return false;
    if (last.old_begin.has_value() != next.old_begin.has_value()) return false;
    return !last.old_begin || *last.old_begin + (last.end - last.begin) == *next.old_begin;
}

// Rows matter where numbers may have been scaled anew, row by row.
std::uint64_t row_of(const Tensor& tensor) {
    if (tensor.type != ElementType::i8 && tensor.type != ElementType::u8) return 0;
    if (tensor.shape.size() < 2 || tensor.shape[0] == 0) return 0;
    return tensor.bytes / tensor.shape[0];
}

TensorPart part_of(const Tensor& tensor) {
    TensorPart part;
    part.begin = tensor.offset;
    part.end = tensor.offset + tensor.bytes;
    part.type = tensor.type;
    part.row = row_of(tensor);
    return part;
}

}  // namespace

std::vector<TensorPart> plan_tensors(ByteSpan old_file, ByteSpan new_file) {
    const Layout old_layout = read_layout(old_file);
    const Layout new_layout = read_layout(new_file);
    std::vector<TensorPart> parts;
    for (const auto& match : match_tensors(old_layout, old_file, new_layout, new_file)) {
        const Tensor& tensor = new_layout.tensors[match.new_tensor];
        if (tensor.type == ElementType::opaque || tensor.bytes < min_part_bytes) continue;
        TensorPart part = part_of(tensor);
        if (match.old_tensor && match.permutation.empty()) {
            const Tensor& old = old_layout.tensors[*match.old_tensor];
            if (old.type == tensor.type && old.bytes == tensor.bytes) part.old_begin = old.offset;
        }
        if (!parts.empty() && continues(parts.back(), part)) {
            parts.back().end = part.end;
        } else {
            parts.push_back(part);
        }
    }
    return parts;
}

const TensorPart* part_at(const std::vector<TensorPart>& parts, std::uint64_t offset) {
    const auto part = std::ranges::upper_bound(parts, offset, {}, &TensorPart::end);
    return part == parts.end() ? nullptr : &*part;
}

}  // namespace strandline::delta
