#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace strandline {

/// Whether the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
[[nodiscard]] bool is_utf8(std::string_view text);

/// Whether the text is well-formed UTF-8 that neither moves a cursor nor turns a line round: no
/// control characters (Unicode Cc) beside those in `also`, no line or paragraph separators and no
/// directional overrides (Unicode TR 36 section 2.3, "bidirectional text spoofing").
[[nodiscard]] bool is_plain_text(std::string_view text, std::string_view also = {});

/// The text fit to be shown or logged whatever it is: what is_plain_text() refuses is written as
/// `\xNN` for each of its bytes.
[[nodiscard]] std::string printable(std::string_view text, std::string_view also = {});

/// The same for text that is JSON already, where `\uNNNN` keeps its meaning.
[[nodiscard]] std::string printable_json(std::string_view json);

/// The text fit for a message: each ill-formed byte becomes `?`, and it is cut before a character
/// that would pass `max_bytes`.
[[nodiscard]] std::string clean_text(std::string_view text, std::size_t max_bytes);

}  // namespace strandline
