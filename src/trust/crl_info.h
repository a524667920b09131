#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace strandline::trust {

/// When a revocation list counts.
struct CrlInfo {
    WallTime this_update;
    WallTime next_update;
};
[[nodiscard]] Result<CrlInfo> read_crl(std::string_view pem);

}  // namespace strandline::trust
