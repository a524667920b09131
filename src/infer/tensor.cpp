#include "infer/tensor.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace strandline::infer {
namespace {

struct TypeRow {
    DataType type;
    std::string_view name;
    std::size_t size;
};

// In the order of the enumeration, so that a type is its own index.
constexpr std::array<TypeRow, 13> type_rows{{
    {DataType::boolean, "BOOL", 1},
    {DataType::uint8, "UINT8", 1},
    {DataType::uint16, "UINT16", 2},
    {DataType::uint32, "UINT32", 4},
    {DataType::uint64, "UINT64", 8},
    {DataType::int8, "INT8", 1},
    {DataType::int16, "INT16", 2},
    {DataType::int32, "INT32", 4},
    {DataType::int64, "INT64", 8},
    {DataType::fp16, "FP16", 2},
    {DataType::fp32, "FP32", 4},
    {DataType::fp64, "FP64", 8},
    {DataType::bytes, "BYTES", 0},
}};

const TypeRow& row(DataType type) { return type_rows[static_cast<std::size_t>(type)]; }

}  // namespace

std::string_view to_string(DataType type) { return row(type).name; }

std::optional<DataType> data_type_from_string(std::string_view text) {
    const auto* found = std::ranges::find(type_rows, text, &TypeRow::name);
    if (found == type_rows.end()) return std::nullopt;
    return found->type;
}

std::size_t element_size(DataType type) { return row(type).size; }

Result<std::uint64_t> element_count(std::span<const std::int64_t> shape,
                                    std::uint64_t max_elements) {
    std::uint64_t count = 1;
    bool empty = false;
    for (const auto dimension : shape) {
        if (dimension < 0) {
            return fail(Errc::invalid,
                        fmt::format("shape {} has a negative dimension", shape_text(shape)));
        }
        const auto size = static_cast<std::uint64_t>(dimension);
        empty = empty || size == 0;
        // A zero elsewhere must not hide dimensions whose product does not fit.
        if (size != 0 && count > max_elements / size) {
            return fail(Errc::invalid, fmt::format("shape {} has more than {} elements",
                                                   shape_text(shape), max_elements));
        }
        if (size != 0) count *= size;
    }
    return empty ? 0 : count;
}

bool shape_fits(std::span<const std::int64_t> concrete, std::span<const std::int64_t> pattern) {
    return std::ranges::equal(concrete, pattern, [](std::int64_t have, std::int64_t want) {
        return have >= 0 && (want < 0 || have == want);
    });
}

std::string shape_text(std::span<const std::int64_t> shape) {
    return fmt::format("[{}]", fmt::join(shape, ","));
}

Status check_tensor(const Tensor& tensor) {
    const auto count = element_count(tensor.shape);
    if (!count) return context(fmt::format("tensor '{}'", tensor.name), count.error());
    if (tensor.type == DataType::bytes) {
        if (tensor.elements.size() == *count && tensor.data.empty()) return {};
        return fail(Errc::invalid,
                    fmt::format("tensor '{}' has {} elements, its shape {} needs {}", tensor.name,
                                tensor.elements.size(), shape_text(tensor.shape), *count));
    }
    const auto needed = *count * element_size(tensor.type);
    if (tensor.data.size() == needed && tensor.elements.empty()) return {};
    return fail(
        Errc::invalid,
        fmt::format("tensor '{}' has {} bytes, its shape {} of {} needs {}", tensor.name,
                    tensor.data.size(), shape_text(tensor.shape), to_string(tensor.type), needed));
}

}  // namespace strandline::infer
