#include "net/response_head.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>

namespace strandline::net {
namespace {

struct Phrase {
    int status;
    std::string_view text;
};

constexpr std::array phrases = {
    Phrase{100, "Continue"},
    Phrase{200, "OK"},
    Phrase{201, "Created"},
    Phrase{202, "Accepted"},
    Phrase{204, "No Content"},
    Phrase{206, "Partial Content"},
    Phrase{301, "Moved Permanently"},
    Phrase{302, "Found"},
    Phrase{303, "See Other"},
    Phrase{304, "Not Modified"},
    Phrase{307, "Temporary Redirect"},
    Phrase{308, "Permanent Redirect"},
    Phrase{400, "Bad Request"},
    Phrase{401, "Unauthorized"},
    Phrase{403, "Forbidden"},
    Phrase{404, "Not Found"},
    Phrase{405, "Method Not Allowed"},
    Phrase{406, "Not Acceptable"},
    Phrase{408, "Request Timeout"},
    Phrase{409, "Conflict"},
    Phrase{410, "Gone"},
    Phrase{411, "Length Required"},
    Phrase{412, "Precondition Failed"},
    Phrase{413, "Content Too Large"},
    Phrase{415, "Unsupported Media Type"},
    Phrase{416, "Range Not Satisfiable"},
    Phrase{422, "Unprocessable Content"},
    Phrase{429, "Too Many Requests"},
    Phrase{431, "Request Header Fields Too Large"},
    Phrase{499, "Client Closed Request"},
    Phrase{500, "Internal Server Error"},
    Phrase{501, "Not Implemented"},
    Phrase{502, "Bad Gateway"},
    Phrase{503, "Service Unavailable"},
    Phrase{504, "Gateway Timeout"},
};

bool is_framing(std::string_view name) {
    constexpr std::array<std::string_view, 5> framing = {"Content-Length", "Transfer-Encoding",
                                                         "Connection", "Keep-Alive", "Date"};
    return std::any_of(framing.begin(), framing.end(),
                       [&](std::string_view f) { return equals_ignoring_case(f, name); });
}

void append_clean(std::string& out, std::string_view text) {
    const auto start = out.size();
    out += text;
    std::replace_if(
        out.begin() + static_cast<std::ptrdiff_t>(start), out.end(),
        [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
}

}  // namespace

std::string_view reason_phrase(int status) {
    const auto* const found = std::lower_bound(phrases.begin(), phrases.end(), status,
                                               [](const Phrase& p, int s) { return p.status < s; });
    return found != phrases.end() && found->status == status ? found->text : std::string_view{};
}

void write_response_head(std::string& out, const HeadFrame& frame, const Headers& headers) {
    out.clear();
    const auto to = std::back_inserter(out);
    fmt::format_to(to, "HTTP/1.1 {} {}\r\nServer: {}\r\nDate: {}\r\n", frame.status,
                   reason_phrase(frame.status), frame.server_name, frame.date);
    for (const auto& [name, value] : headers.fields()) {
        if (is_framing(name)) continue;
        append_clean(out, name);
        out += ": ";
        append_clean(out, value);
        out += "\r\n";
    }
    if (frame.content_length) fmt::format_to(to, "Content-Length: {}\r\n", *frame.content_length);
    if (frame.chunked) out += "Transfer-Encoding: chunked\r\n";
    if (!frame.keep_alive) {
        out += "Connection: close\r\n";
    } else if (frame.http_1_0) {
        out += "Connection: keep-alive\r\n";
    }
    out += "\r\n";
}

}  // namespace strandline::net
