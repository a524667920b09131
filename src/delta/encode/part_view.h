#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "delta/format/old_view.h"
#include "delta/layout/tensor.h"

namespace strandline::delta {

/// How a tensor of the new file is seen in the old one, where order or type are not the same.
struct PartView {
    OldView view;               ///< of the whole tensor, but for the values of scales
    std::vector<float> scales;  ///< one, or one for each index along an axis
};

/// The view for a match, or nothing: there is no old tensor, it needs no view, or none exists.
[[nodiscard]] std::optional<PartView> find_view(const FileMatch& files, const TensorMatch& match,
                                                ByteSpan old_file, ByteSpan new_file);

/// The share of `count` numbers from `first` on, if a block can have it; `scales` keeps the values
/// that it borrows.
[[nodiscard]] std::optional<OldView> share_of(const PartView& part, std::uint64_t first,
                                              std::uint64_t count, Bytes& scales);

}  // namespace strandline::delta
