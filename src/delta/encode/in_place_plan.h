#pragma once

#include <vector>

#include "delta/encode/tensor_plan.h"
#include "delta/format/old_access.h"

// Deltas that are applied in place: a segment finds only those old values that segments before it
// have not replaced.
namespace strandline::delta {

/// Whether segments had better replace the file from its end on: what moves towards the end needs
/// that, and what moves towards the start the other direction.
[[nodiscard]] bool better_downwards(const std::vector<TensorPart>& parts, std::uint64_t new_size,
                                    const OldAccess& access);

/// The parts, cut where their old values are gone by the time they are needed.
[[nodiscard]] std::vector<TensorPart> parts_in_place(const std::vector<TensorPart>& parts,
                                                     const OldAccess& access);

}  // namespace strandline::delta
