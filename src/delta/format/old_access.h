#pragma once

#include <cstdint>

#include "delta/format/old_range.h"
#include "delta/info.h"

namespace strandline::delta {

/// What segments may read of the old file: all of it, or what an application in place has not
/// replaced yet. Part of the format: section 3.2.
struct OldAccess {
    enum class Kind : std::uint8_t {
        whole,
        up,    ///< segments replace the old file from its start on
        down,  ///< segments replace it from its end on
    };
    Kind kind = Kind::whole;
    std::uint64_t old_size = 0;
    std::uint32_t segment_bytes = 0;

    /// For the segment whose output starts at `begin`; within the old file.
    [[nodiscard]] OldRange at(std::uint64_t begin) const;
};

[[nodiscard]] OldAccess old_access(const DeltaInfo& info);

/// What both ranges have in common; neither reaches past 2^64. Empty where that is nothing.
[[nodiscard]] OldRange common_range(const OldRange& a, const OldRange& b);

}  // namespace strandline::delta
