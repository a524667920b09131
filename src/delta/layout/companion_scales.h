#pragma once

#include <vector>

#include "base/bytes.h"
#include "delta/layout/tensor.h"

namespace strandline::delta {

/// Containers without a notion of quantisation keep scales as tensors of their own, named after the
/// weights ("x.weight" and "x.weight_scale"). Attaches them to 8-bit tensors that have none.
void attach_companion_scales(ByteSpan file, std::vector<Tensor>& tensors);

}  // namespace strandline::delta
