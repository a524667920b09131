#pragma once

#include <cstdint>
#include <span>

#include "delta/format/old_view.h"
#include "delta/io.h"

namespace strandline::delta {

/// Fills `out` with numbers of a view that check_view() found good: as many as it has room for,
/// from the block's first one on. `window` is room for what is read at a time, 64 KiB or more.
[[nodiscard]] Status read_view(const OldView& view, const ReadAt& old_file,
                               std::span<std::byte> out, std::span<std::byte> window);

}  // namespace strandline::delta
