#pragma once

#include "base/result.h"

namespace strandline::crash {

/// From now on this process and its children stop for their tracer before each call of the table;
/// every other call runs at full speed. Reads are included only when wanted.
[[nodiscard]] Status install_filter(bool with_reads);

}  // namespace strandline::crash
