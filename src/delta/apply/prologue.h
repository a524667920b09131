#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "delta/apply.h"
#include "delta/info.h"
#include "delta/io.h"

namespace strandline::delta {

/// What comes before the segments of a delta.
struct Prologue {
    DeltaInfo info;
    Bytes bytes;  ///< as they stand in the delta
    Bytes index;  ///< as of a long prologue; checked
};

/// `exhausted` when a delta wants more than it is granted.
[[nodiscard]] Status check_limits(const DeltaInfo& info, const Limits& limits);

/// Of a whole delta; `corrupt` when that has not the size that it declares.
[[nodiscard]] Result<Prologue> read_prologue(const ReadAt& patch, const Limits& limits);

}  // namespace strandline::delta
