#pragma once

#include <set>
#include <string>

#include "base/bytes.h"

namespace strandline::delta {

/// Names everything of the format that a whole, valid delta uses: "record 5", "coder 4", "numbers
/// type 1 method 0 by columns", ...
[[nodiscard]] std::set<std::string> parts_of(ByteSpan patch);

/// All such names that version 1.0 knows.
[[nodiscard]] std::set<std::string> all_parts();

}  // namespace strandline::delta
