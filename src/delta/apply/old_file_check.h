#pragma once

#include "base/result.h"
#include "delta/info.h"
#include "delta/io.h"

// Whether the old file is the one that a delta was made for. `conflict` says that it is not.
namespace strandline::delta {

/// Costs nothing.
[[nodiscard]] Status check_old_size(const ReadAt& old_file, const DeltaInfo& info);

/// Reads the whole file.
[[nodiscard]] Status check_old_hash(const ReadAt& old_file, const DeltaInfo& info);

}  // namespace strandline::delta
