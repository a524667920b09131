#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace strandline::hub {

/// How many bytes of a file of `size` bytes an answer to this Range header will have: what
/// admission must count. A missing, malformed, multiple or unsatisfiable range counts the whole
/// file.
[[nodiscard]] std::uint64_t requested_bytes(std::optional<std::string_view> range,
                                            std::uint64_t size);

}  // namespace strandline::hub
