#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "infer/tensor.h"

namespace strandline::infer {

/// Checks that `inputs` are exactly the declared ones, once each, with the right type, shape and
/// size. The first problem is `invalid` and names the tensor.
[[nodiscard]] Status check_inputs(std::span<const Tensor> inputs,
                                  std::span<const TensorInfo> declared);

/// The declared outputs that `wanted` names, in that order; all of them when it is empty. Unknown
/// and repeated names are `invalid`. The result points into `declared`.
[[nodiscard]] Result<std::vector<const TensorInfo*>> choose_outputs(
    std::span<const std::string> wanted, std::span<const TensorInfo> declared);

}  // namespace strandline::infer
