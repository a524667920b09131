#include "net/response_head.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

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

void append_number(std::string& out, std::string_view before, std::uint64_t number) {
    out += before;
    const fmt::format_int text(number);
    out.append(text.data(), text.size());
}

void append_field(std::string& out, std::string_view before, std::string_view text) {
    out += before;
    out += text;
    out += "\r\n";
}

}  // namespace

std::string_view reason_phrase(int status) {
    const auto* const found = std::lower_bound(phrases.begin(), phrases.end(), status,
                                               [](const Phrase& p, int s) { return p.status < s; });
    return found != phrases.end() && found->status == status ? found->text : std::string_view{};
}

void write_response_head(std::string& out, const HeadFrame& frame, const Headers& headers) {
    constexpr std::size_t usual_bytes = 256;
    out.clear();
    out.reserve(usual_bytes);
    append_number(out, "HTTP/1.1 ", static_cast<std::uint64_t>(frame.status));
    append_field(out, " ", reason_phrase(frame.status));
    append_field(out, "Server: ", frame.server_name);
    append_field(out, "Date: ", frame.date);
    for (const auto& [name, value] : headers.fields()) {
        if (is_framing(name)) continue;
        append_clean(out, name);
        out += ": ";
        append_clean(out, value);
        out += "\r\n";
    }
    if (frame.content_length) {
        append_number(out, "Content-Length: ", *frame.content_length);
        out += "\r\n";
    }
    if (frame.chunked) out += "Transfer-Encoding: chunked\r\n";
    if (!frame.keep_alive) {
        out += "Connection: close\r\n";
    } else if (frame.http_1_0) {
        out += "Connection: keep-alive\r\n";
    }
    out += "\r\n";
}

}  // namespace strandline::net
