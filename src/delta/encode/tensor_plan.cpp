#include "delta/encode/tensor_plan.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace strandline::delta {
namespace {

// Tensors of fewer bytes are no better off than the bytes around them.
constexpr std::uint64_t min_part_bytes = 64;

// Small neighbours share a record, unless rows may have to be told apart.
bool is_small(const TensorPart& part) {
    constexpr std::uint64_t small_bytes = 16u << 10;
    constexpr std::uint64_t tiny_bytes = 512;
    return part.end - part.begin < (part.columns == 0 ? small_bytes : tiny_bytes);
}

bool continues(const TensorPart& last, const TensorPart& next) {
    if (last.end != next.begin || last.type != next.type) return false;
    if (last.folded || next.folded || last.view || next.view) return false;
    if (!is_small(last) && !is_small(next)) return false;
    if (last.old_begin.has_value() != next.old_begin.has_value()) return false;
    return !last.old_begin || *last.old_begin + (last.end - last.begin) == *next.old_begin;
}

std::uint64_t columns_of(const Tensor& tensor) {
    if (tensor.shape.size() < 2 || tensor.shape[0] == 0) return 0;
    return tensor.bytes / element_size(tensor.type) / tensor.shape[0];
}

TensorPart part_of(const Tensor& tensor) {
    TensorPart part;
    part.begin = tensor.offset;
    part.end = tensor.offset + tensor.bytes;
    part.type = tensor.type;
    part.columns = columns_of(tensor);
    if (tensor.shape.size() > 1) part.last_columns = tensor.shape.back();
    return part;
}

FoldedPart folded_part(const FoldedNorm& norm, const Tensor& tensor, const Layout& old_layout) {
    FoldedPart part;
    part.fold.reciprocal = norm.formula == FoldedNorm::Formula::reciprocal;
    part.fold.is_bias = norm.part == FoldedNorm::Part::bias;
    part.fold.has_bias = part.fold.is_bias && norm.bias.has_value();
    part.fold.epsilon = norm.epsilon;
    const auto offset = [&](std::size_t index) { return old_layout.tensors[index].offset; };
    part.fold.channels = old_layout.tensors[norm.gamma].bytes / sizeof(float);
    part.arrays = {offset(norm.gamma), offset(norm.variance), offset(norm.mean),
                   offset(norm.bias.value_or(norm.mean))};
    if (part.fold.is_bias) return part;
    for (auto axis = std::size_t{norm.axis} + 1; axis < tensor.shape.size(); ++axis)
        part.columns *= tensor.shape[axis];
    return part;
}

// Where the old numbers are, if they lie there as they are needed.
void find_old(TensorPart& part, const TensorMatch& match, const Tensor& tensor,
              const Layout& old_layout) {
    if (!match.old_tensor || !match.permutation.empty()) return;
    const Tensor& old = old_layout.tensors[*match.old_tensor];
    if (old.type != tensor.type || old.bytes != tensor.bytes) return;
    part.old_begin = old.offset;
    if (match.folded) part.folded = folded_part(*match.folded, tensor, old_layout);
}

void append_part(std::vector<TensorPart>& parts, const TensorPart& part) {
    if (parts.empty() || !continues(parts.back(), part)) return parts.push_back(part);
    TensorPart& last = parts.back();
    if (part.end - part.begin > last.end - last.begin) last.columns = last.last_columns = 0;
    last.end = part.end;
}

TensorCounts counts_of(const FileMatch& found) {
    TensorCounts counts;
    counts.container = found.new_layout.container;
    counts.old_tensors = found.old_layout.tensors.size();
    counts.new_tensors = found.new_layout.tensors.size();
    std::uint64_t farthest = 0;
    for (const auto& match : found.matches) {
        if (!match.old_tensor) {
            ++counts.unmatched;
            continue;
        }
        const auto& old = found.old_layout.tensors[*match.old_tensor];
        const auto& name = found.new_layout.tensors[match.new_tensor].name;
        if (!name.empty() && old.name == name) {
            ++counts.by_name;
        } else {
            ++(match.relation == Relation::candidate ? counts.by_place : counts.by_content);
        }
        if (match.relation == Relation::equal) ++counts.equal;
        if (old.offset < farthest) ++counts.moved;
        farthest = std::max(farthest, old.offset);
    }
    return counts;
}

}  // namespace

TensorPlan plan_tensors(ByteSpan old_file, ByteSpan new_file, WorkMeter& meter) {
    const auto found = match_files(old_file, new_file, meter);
    const auto& [old_layout, new_layout, matches] = found;
    TensorPlan plan;
    plan.counts = counts_of(found);
    plan.spans = known_spans(found);
    for (const auto& match : matches) {
        const Tensor& tensor = new_layout.tensors[match.new_tensor];
        if (tensor.type == ElementType::opaque || tensor.bytes < min_part_bytes) continue;
        TensorPart part = part_of(tensor);
        find_old(part, match, tensor, old_layout);
        if (!part.old_begin) part.view = find_view(found, match, old_file, new_file);
        append_part(plan.parts, part);
    }
    return plan;
}

// A habit that is learned apart costs a block, so that it must be of use more than once.
void find_kinds(TensorPlan& plan) {
    constexpr std::uint64_t least_bytes = 64u << 10;
    constexpr std::size_t least_parts = 3;
    const auto kind_of = [](const TensorPart& part) {
        return std::tuple(part.type, part.columns, part.last_columns, part.old_begin.has_value());
    };
    std::map<decltype(kind_of(TensorPart{})), std::vector<TensorPart*>> alike;
    for (auto& part : plan.parts) {
        part.kind.reset();
        if (part.end - part.begin < least_bytes || part.folded || part.view) continue;
        alike[kind_of(part)].push_back(&part);
    }
    plan.kinds.clear();
    for (const auto& [key, parts] : alike) {
        if (parts.size() < least_parts) continue;
        const auto number = static_cast<std::uint32_t>(plan.kinds.size());
        plan.kinds.push_back(*parts.front());
        for (auto* part : parts) part->kind = number;
    }
}

const TensorPart* part_at(const std::vector<TensorPart>& parts, std::uint64_t offset) {
    const auto part = std::ranges::upper_bound(parts, offset, {}, &TensorPart::end);
    return part == parts.end() ? nullptr : &*part;
}

}  // namespace strandline::delta
