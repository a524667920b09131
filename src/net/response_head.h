#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_message.h"

// Internal to net.
namespace strandline::net {

/// What the connection adds to a handler's headers.
struct HeadFrame {
    int status = 200;
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
    bool keep_alive = true;
    bool http_1_0 = false;
    std::string_view server_name;
    std::string_view date;  ///< as in the Date field
};

/// Writes the status line and header section into `out`, replacing what is there. Framing fields
/// of the handler (Content-Length, Transfer-Encoding, Connection, Date) are left out: the
/// connection knows better. Line breaks in values become spaces.
void write_response_head(std::string& out, const HeadFrame& frame, const Headers& headers);

/// The reason phrase of a status, or an empty one.
[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace strandline::net
