#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace strandline::net {

/// IMF-fixdate of RFC 9110 section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
[[nodiscard]] std::string to_http_date(WallTime time);
/// Reads the three date forms of RFC 9110 section 5.6.7 (IMF-fixdate, RFC 850, asctime).
[[nodiscard]] std::optional<WallTime> from_http_date(std::string_view text);

}  // namespace strandline::net
