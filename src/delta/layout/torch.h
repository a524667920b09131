#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "delta/layout/collector.h"
#include "delta/layout/pickle.h"
#include "delta/layout/zip.h"

namespace strandline::delta {

/// Claims the tensors of a PyTorch archive; false when it is none.
bool read_torch_zip(ByteSpan file, const std::vector<ZipMember>& members, Collector& tensors);

/// Claims `tensor`, a view of the storage at `offset` that is `bytes` long. Only views without
/// holes are claimed; the shape is that of the memory, outermost axis first, whatever the view's.
void claim_torch_tensor(const PickledTensor& tensor, std::uint64_t offset, std::uint64_t bytes,
                        Collector& tensors);

}  // namespace strandline::delta
