// Bytes of a connection, read as requests or answers one after the other. Whole or in pieces, they
// must come to the same messages: a difference would be a way to smuggle a request.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/http_parser.h"

namespace {

using strandline::ByteSpan;
using strandline::net::HeadLimits;
using strandline::net::HttpParser;

constexpr HeadLimits limits{2048, 32};

/// Takes the head at the start of `input`, given `step` more bytes at a time. 0: none there.
std::size_t take_head(HttpParser& parser, std::string_view input, std::size_t step) {
    for (std::size_t size = std::min(step, input.size());;) {
        const auto head = parser.read_head(input.substr(0, size));
        if (!head) return 0;
        if (*head > 0) return *head;
        if (size == input.size()) return 0;
        size = std::min(size + step, input.size());
    }
}

/// Takes the body, `step` bytes of input and output at a time; false when it is broken or cut.
bool take_body(HttpParser& parser, std::string_view& input, std::size_t step, std::string& body) {
    std::array<std::byte, 4096> out{};
    const auto room = std::span(out).first(std::min(step, out.size()));
    std::size_t window = std::min(step, input.size());
    while (!parser.done()) {
        const auto piece = strandline::as_bytes(input.substr(0, window));
        const auto read = parser.read_body(piece, room);
        if (!read) return false;
        body += strandline::as_text(ByteSpan(out).first(read->produced));
        input.remove_prefix(read->consumed);
        const bool stuck = read->consumed == 0;
        if (stuck && window >= input.size()) return false;
        window = std::min(stuck ? window + step : std::max(window, step), input.size());
        if (input.empty() && !parser.done()) return false;
    }
    return true;
}

/// Everything that was understood, as one text.
std::string understand(std::string_view input, HttpParser::Kind kind, std::size_t step) {
    HttpParser parser(limits);
    std::string seen;
    for (int messages = 0; messages < 8 && !input.empty(); ++messages) {
        parser.start(kind);
        const auto size = take_head(parser, input, step);
        if (size == 0) break;
        input.remove_prefix(size);
        seen += parser.head().target + '\n';
        for (const auto& [name, value] : parser.head().headers.fields()) {
            seen += name + '=' + value + '\n';
        }
        std::string body;
        const bool whole = take_body(parser, input, step, body);
        if (!whole) break;
        seen += body + '\n';
    }
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const auto kind = data[0] % 2 == 0 ? HttpParser::Kind::request : HttpParser::Kind::response;
    const std::size_t step = data[1] % 16 + 1;
    const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
    if (understand(input, kind, step) != understand(input, kind, input.size() + 1)) std::abort();
    return 0;
}
