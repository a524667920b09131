#include <algorithm>
#include <array>
#include <functional>

#include "delta/layout/torch.h"

namespace strandline::delta {
namespace {

struct StorageType {
    std::string_view name;
    ElementType type;
};
constexpr std::array storage_types{
    StorageType{"DoubleStorage", ElementType::f64},
    StorageType{"FloatStorage", ElementType::f32},
    StorageType{"HalfStorage", ElementType::f16},
    StorageType{"BFloat16Storage", ElementType::bf16},
    StorageType{"LongStorage", ElementType::i64},
    StorageType{"IntStorage", ElementType::i32},
    StorageType{"ShortStorage", ElementType::i16},
    StorageType{"CharStorage", ElementType::i8},
    StorageType{"QInt8Storage", ElementType::i8},
    StorageType{"ByteStorage", ElementType::u8},
    StorageType{"QUInt8Storage", ElementType::u8},
    StorageType{"QInt32Storage", ElementType::i32},
    StorageType{"BoolStorage", ElementType::u8},
};

/// The shape as the memory has it; empty when the view has holes or overlaps itself.
std::vector<std::uint64_t> memory_shape(const PickledTensor& tensor) {
    const auto& shape = tensor.shape;
    if (shape.empty() || shape.size() > max_rank || shape.size() != tensor.strides.size())
        return {};
    // Axes of length 1 have any stride; they keep their places, the others share the rest.
    std::vector<std::size_t> places;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        if (shape[axis] != 1) places.push_back(axis);
    }
    auto by_stride = places;
    std::ranges::stable_sort(by_stride, std::greater(),
                             [&](std::size_t axis) { return tensor.strides[axis]; });
    std::uint64_t stride = 1;
    for (auto axis = by_stride.rbegin(); axis != by_stride.rend(); ++axis) {
        if (shape[*axis] == 0 || tensor.strides[*axis] != stride) return {};
        if (stride > UINT64_MAX / shape[*axis]) return {};
        stride *= shape[*axis];
    }
    std::vector<std::uint64_t> result(shape.size(), 1);
    for (std::size_t i = 0; i < places.size(); ++i) result[places[i]] = shape[by_stride[i]];
    return result;
}

}  // namespace

void claim_torch_tensor(const PickledTensor& tensor, std::uint64_t offset, std::uint64_t bytes,
                        Collector& tensors) {
    const auto found = std::ranges::find_if(storage_types, [&](const StorageType& entry) {
        return tensor.storage_type.ends_with(entry.name) &&
               (tensor.storage_type.size() == entry.name.size() ||
                tensor.storage_type[tensor.storage_type.size() - entry.name.size() - 1] == '\n');
    });
    if (found == storage_types.end()) return;
    const std::uint64_t unit = element_size(found->type);
    auto shape = memory_shape(tensor);
    const auto count = element_count(shape);
    if (shape.empty() || !count || *count > bytes / unit) return;
    if (tensor.first > bytes / unit - *count) return;
    tensors.add(Collector::Claim{tensor.name,
                                 found->type,
                                 std::move(shape),
                                 offset + tensor.first * unit,
                                 *count * unit,
                                 {}});
}

}  // namespace strandline::delta
