#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "infer/tensor.h"

namespace strandline::infer {

/// A JSON document without its tensor data, so that a general parser sees only the small rest.
struct SplitDocument {
    std::string text;  ///< every `"data": [...]` replaced by its index in `arrays`
    std::vector<std::string_view> arrays;  ///< the texts "[...]", borrowed from the document

    /// The array that `index` stands for, once: a key that only decodes to `data` (as `d\u0061ta`)
    /// has a number of the sender's, and must not make us read an array again and again.
    [[nodiscard]] Result<std::string_view> take(std::int64_t index);
};

/// Cuts out the arrays under keys spelled `data`, at any depth. Only brackets and strings are
/// looked at: `text` and `arrays` are checked by those who parse them. Any other value under
/// `data`, an array that does not end, or more than 4096 arrays is `invalid`.
[[nodiscard]] Result<SplitDocument> split_tensor_data(std::string_view document);

/// Bounds what a small text can make us allocate.
struct TensorJsonLimits {
    std::size_t max_texts = std::size_t{1} << 20;  ///< BYTES elements: 32 bytes each, however short
};

/// Fills `tensor` (name, type and shape are set) from a JSON array of its elements in row-major
/// order, flat or nested exactly as the shape says. Numbers must fit the type; FP16 is rounded from
/// the number; BOOL is true or false; BYTES are strings. Problems are `invalid` and name the
/// tensor.
[[nodiscard]] Status read_tensor_data(std::string_view array, Tensor& tensor,
                                      const TensorJsonLimits& limits = {});

/// Appends the elements as a flat JSON array. NaN and infinity, and BYTES that are not UTF-8, have
/// no JSON form: `invalid`.
[[nodiscard]] Status write_tensor_data(const Tensor& tensor, std::string& out);

/// Appends a JSON string; `text` must be UTF-8.
void append_json_string(std::string_view text, std::string& out);

}  // namespace strandline::infer
