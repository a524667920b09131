#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/utf8.h"
#include "net/session_exchange.h"

// The target of a request: path and query as handlers see them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace net = strandline::net;
    net::ParsedHead head;
    head.method = net::Method::get;
    head.target.assign(reinterpret_cast<const char*>(data), size);
    net::Request request;
    if (!net::take_head(head, request)) return 0;
    STRANDLINE_ASSERT(request.path.starts_with('/') && strandline::is_plain_text(request.path));
    for (const auto& [key, value] : request.query) {
        STRANDLINE_ASSERT(strandline::is_plain_text(key) && strandline::is_plain_text(value));
    }
    const auto path = net::percent_decode(net::percent_encode(request.path));
    STRANDLINE_ASSERT(path && *path == request.path);
    return 0;
}
