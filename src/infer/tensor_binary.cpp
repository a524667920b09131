#include "infer/tensor_binary.h"

#include <fmt/format.h>
#include <limits>

namespace strandline::infer {
namespace {

constexpr std::size_t length_bytes = sizeof(std::uint32_t);

Error problem(const Tensor& tensor, std::string_view what) {
    return fail(Errc::invalid, fmt::format("tensor '{}' {}", tensor.name, what));
}

Status read_texts(ByteSpan bytes, std::uint64_t count, Tensor& tensor) {
    // Each element takes at least its length, so nothing is allocated for a mere claim.
    if (count > bytes.size() / length_bytes)
        return problem(tensor, "has fewer elements than its shape");
    tensor.elements.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        if (bytes.size() < length_bytes)
            return problem(tensor, "has fewer elements than its shape");
        const std::size_t length = load_le<std::uint32_t>(bytes);
        bytes = bytes.subspan(length_bytes);
        if (length > bytes.size()) {
            return problem(tensor,
                           fmt::format("has an element {} that is longer than the data", i));
        }
        tensor.elements.emplace_back(as_text(bytes.first(length)));
        bytes = bytes.subspan(length);
    }
    if (!bytes.empty()) return problem(tensor, fmt::format("has {} bytes too many", bytes.size()));
    return {};
}

}  // namespace

Status read_tensor_binary(ByteSpan bytes, Tensor& tensor, std::size_t max_texts) {
    const auto count = element_count(tensor.shape);
    if (!count) return context(fmt::format("tensor '{}'", tensor.name), count.error());
    if (tensor.type == DataType::bytes) {
        if (*count > max_texts) return problem(tensor, "has too many BYTES elements");
        return read_texts(bytes, *count, tensor);
    }
    const auto needed = *count * element_size(tensor.type);
    if (bytes.size() != needed) {
        return problem(tensor,
                       fmt::format("has {} bytes, its shape {} of {} needs {}", bytes.size(),
                                   shape_text(tensor.shape), to_string(tensor.type), needed));
    }
    tensor.data.assign(bytes.begin(), bytes.end());
    return {};
}

std::uint64_t binary_size(const Tensor& tensor) {
    if (tensor.type != DataType::bytes) return tensor.data.size();
    std::uint64_t size = 0;
    for (const auto& element : tensor.elements) size += length_bytes + element.size();
    return size;
}

void write_tensor_binary(const Tensor& tensor, std::string& out) {
    out += as_text(tensor.data);
    for (const auto& element : tensor.elements) {
        // Elements come from one process's memory; one of 4 GiB would have failed long before.
        STRANDLINE_ASSERT(element.size() <= std::numeric_limits<std::uint32_t>::max());
        std::array<std::byte, length_bytes> length{};
        store_le(static_cast<std::uint32_t>(element.size()), std::span<std::byte>(length));
        out += as_text(length);
        out += element;
    }
}

}  // namespace strandline::infer
