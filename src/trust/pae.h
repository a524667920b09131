#pragma once

#include <string>
#include <string_view>

namespace strandline::trust {

/// The bytes that a DSSE v1 signature covers: "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body,
/// lengths in decimal (secure-systems-lab/dsse, protocol.md).
[[nodiscard]] std::string pre_authentication_encoding(std::string_view payload_type,
                                                      std::string_view payload);

}  // namespace strandline::trust
