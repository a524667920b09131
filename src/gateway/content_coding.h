#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strandline::gateway {

/// RFC 9110 section 8.4.1.
enum class ContentCoding { identity, gzip, deflate };

[[nodiscard]] std::string_view to_string(ContentCoding coding);

/// Of a Content-Encoding field; anything but one known coding is `invalid`.
[[nodiscard]] Result<ContentCoding> parse_content_encoding(std::string_view field);

/// The coding that an Accept-Encoding field (RFC 9110 section 12.5.3) likes best; identity when it
/// names none of ours. Tolerant: what cannot be understood is not asked for.
[[nodiscard]] ContentCoding choose_coding(std::string_view accept_encoding);

/// Undoes a coding. Damaged or unfinished input is `invalid`, as is one of more than `max_bytes`
/// decoded; no more than that is ever held. `deflate` is read with and without its zlib header.
[[nodiscard]] Result<std::string> decode_content(ContentCoding coding, std::string_view bytes,
                                                 std::size_t max_bytes);

[[nodiscard]] Result<std::string> encode_content(ContentCoding coding, std::string_view bytes);

}  // namespace strandline::gateway
