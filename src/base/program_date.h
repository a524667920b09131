#pragma once

#include "base/clock.h"

namespace strandline {

/// No right clock shows an earlier time: nothing this program meets was signed before it was
/// written.
inline constexpr WallTime program_date{std::chrono::seconds{1'767'225'600}};  // 2026-01-01

}  // namespace strandline
