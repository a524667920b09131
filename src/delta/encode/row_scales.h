#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "delta/layout/tensor.h"

namespace strandline::delta {

/// The factor of each row when rows of floats were multiplied by one number each, as when
/// normalisation is folded into a convolution; nothing when they were not.
[[nodiscard]] std::optional<std::vector<float>> find_row_scales(ElementType type,
                                                                ByteSpan new_numbers,
                                                                ByteSpan old_numbers,
                                                                std::uint64_t columns);

/// Factors that bring old numbers nearer to new ones without giving them exactly, as when a layer
/// was trained on while its normalisation changed, too.
struct RoughScales {
    std::vector<float> rows;     ///< empty: not worth trying
    std::vector<float> columns;  ///< the same
};
[[nodiscard]] RoughScales find_rough_scales(ElementType type, ByteSpan new_numbers,
                                            ByteSpan old_numbers, std::uint64_t columns);

/// For rows of signed bytes: new scale / old scale as number::encode_rescaled() wants it; nothing
/// when new rows do not follow old ones, or once `stopped` is true.
[[nodiscard]] std::optional<std::vector<std::int16_t>> find_row_ratios(
    ByteSpan new_numbers, ByteSpan old_numbers, std::uint64_t columns,
    const std::function<bool()>& stopped);

}  // namespace strandline::delta
