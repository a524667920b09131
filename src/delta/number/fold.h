#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "delta/number/predict.h"

// Batch normalisation of old files folded into weights and biases of new ones; format.md
// section 4.6. Exporters do it in single precision, operation by operation, and so does this.
namespace strandline::delta::number {

struct NormFold {
    bool reciprocal = false;  ///< gamma times 1 / deviation, instead of gamma / deviation
    bool is_bias = false;     ///< the numbers are those of beta and become biases; else weights
    bool has_bias = false;    ///< of biases: the layer had some before
    float epsilon = 0;
    std::uint64_t channels = 0;  ///< numbers of each array
    std::uint64_t first = 0;     ///< channel of the first row; rows take turns in the channels

    /// Arrays of fp32 that are needed, one after the other: gamma, variance; of biases also the
    /// mean and, if there were some, the old biases.
    [[nodiscard]] std::uint64_t arrays() const { return !is_bias ? 2 : has_bias ? 4 : 3; }
    [[nodiscard]] std::uint64_t array_bytes() const { return arrays() * channels * sizeof(float); }
};

/// Changes fp32 numbers. `arrays` has array_bytes(), channels is not 0, first is below it.
void fold_norm(std::span<std::byte> numbers, const Grid& grid, const NormFold& fold,
               ByteSpan arrays);

}  // namespace strandline::delta::number
