#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace strandline {

/// Whether the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
[[nodiscard]] bool is_utf8(std::string_view text);

/// The text fit for a message: each ill-formed byte becomes `?`, and it is cut before a character
/// that would pass `max_bytes`.
[[nodiscard]] std::string clean_text(std::string_view text, std::size_t max_bytes);

}  // namespace strandline
