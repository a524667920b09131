#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "delta/layout/tensor.h"

namespace strandline::delta {

/// The number at `index` of a tensor inside `file`; nothing for zero, NaN and opaque bytes.
[[nodiscard]] std::optional<double> number_at(const Tensor& tensor, ByteSpan file,
                                              std::uint64_t index);

/// Which elements of `count` are looked at: `samples` of them, one at a random place of each of as
/// many equal stretches, so that no column of a matrix is preferred. The same for the same numbers.
[[nodiscard]] std::uint64_t sample_index(std::uint64_t sample, std::uint64_t samples,
                                         std::uint64_t count);

/// The signs of a tensor's samples: two bits for each.
struct SignSamples {
    std::vector<std::uint64_t> above;  ///< the number is above the centre
    std::vector<std::uint64_t> known;  ///< the number is not at the centre, and is one
};

/// Numbers of one sign (variances, unsigned weights) are compared with their median, others with 0.
[[nodiscard]] SignSamples sign_samples(std::span<const std::optional<double>> numbers);

/// How many samples of two tensors are on the same side.
struct Agreement {
    std::uint64_t same = 0;
    std::uint64_t compared = 0;

    [[nodiscard]] double share() const {
        return compared == 0 ? 0.5 : static_cast<double>(same) / static_cast<double>(compared);
    }
    /// More than 75 % agree, or for few samples so many that chance is out of the question.
    [[nodiscard]] bool related() const;
};
[[nodiscard]] Agreement agreement(const SignSamples& a, const SignSamples& b);

}  // namespace strandline::delta
