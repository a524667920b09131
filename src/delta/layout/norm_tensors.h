#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "delta/layout/tensor.h"

namespace strandline::delta {

/// The four tensors of a batch normalisation: indexes into a layout.
struct NormTensors {
    std::size_t gamma = 0;
    std::size_t beta = 0;
    std::size_t mean = 0;
    std::size_t variance = 0;
    std::uint64_t channels = 0;
};

/// Finds them by the names that PyTorch, Keras and TensorFlow give them. By ascending variance.
[[nodiscard]] std::vector<NormTensors> find_norms(const Layout& layout);

/// The bias of the layer that has these weights, by their names.
[[nodiscard]] std::optional<std::size_t> find_bias(const Layout& layout, std::size_t weights,
                                                   std::uint64_t channels);

/// What a channel of old weights is multiplied by, and its new bias.
struct FoldedChannel {
    float scale = 0;
    float bias = 0;
};

/// The numbers of channel c: those of `norm`'s tensors, in their order.
struct NormChannel {
    float gamma = 0;
    float beta = 0;
    float mean = 0;
    float variance = 0;
    float bias = 0;
};
[[nodiscard]] FoldedChannel fold_channel(const NormChannel& channel, FoldedNorm::Formula formula,
                                         float epsilon);

/// One fp32 operation, rounded once on every CPU whatever the compiler contracts.
[[nodiscard]] inline float multiply_f32(float a, float b) {
    return static_cast<float>(double{a} * double{b});
}

}  // namespace strandline::delta
