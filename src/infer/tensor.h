#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace strandline::infer {

/// The tensor types of the Open Inference Protocol v2.
enum class DataType {
    boolean,
    uint8,
    uint16,
    uint32,
    uint64,
    int8,
    int16,
    int32,
    int64,
    fp16,
    fp32,
    fp64,
    bytes
};

/// OIP spelling: BOOL, UINT8, ..., FP32, BYTES.
[[nodiscard]] std::string_view to_string(DataType type);
[[nodiscard]] std::optional<DataType> data_type_from_string(std::string_view text);
/// Bytes of one element; 0 for `bytes`, whose elements vary.
[[nodiscard]] std::size_t element_size(DataType type);

/// Row-major, little endian, no padding. BYTES elements are in `elements`, all else in `data`.
struct Tensor {
    std::string name;
    DataType type = DataType::fp32;
    std::vector<std::int64_t> shape;
    Bytes data;
    std::vector<std::string> elements;

    template <class T>
    [[nodiscard]] std::span<const T> as() const {
        return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
    }
};

/// Name, type and shape; -1 is a free dimension.
struct TensorInfo {
    std::string name;
    DataType type = DataType::fp32;
    std::vector<std::int64_t> shape;
};

/// Product of the dimensions. Negative, or a product beyond `max_elements`, is `invalid`.
[[nodiscard]] Result<std::uint64_t> element_count(std::span<const std::int64_t> shape,
                                                  std::uint64_t max_elements = std::uint64_t{1}
                                                                               << 32);

/// True when a concrete shape fits one with free dimensions.
[[nodiscard]] bool shape_fits(std::span<const std::int64_t> concrete,
                              std::span<const std::int64_t> pattern);

/// "[1,3,-1,-1]"
[[nodiscard]] std::string shape_text(std::span<const std::int64_t> shape);

/// `invalid` and the tensor's name when its bytes or elements are not what type and shape ask for.
[[nodiscard]] Status check_tensor(const Tensor& tensor);

}  // namespace strandline::infer
