#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "infer/tensor.h"

namespace strandline::infer {

/// Fills `tensor` (name, type and shape are set) from raw little-endian elements without padding;
/// each BYTES element is a 32-bit length and that many bytes. A size that differs from what type
/// and shape need is `invalid`, as are more than `max_texts` BYTES elements.
[[nodiscard]] Status read_tensor_binary(ByteSpan bytes, Tensor& tensor,
                                        std::size_t max_texts = std::size_t{1} << 20);

/// Bytes that write_tensor_binary appends.
[[nodiscard]] std::uint64_t binary_size(const Tensor& tensor);
void write_tensor_binary(const Tensor& tensor, std::string& out);

}  // namespace strandline::infer
