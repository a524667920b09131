// Header values that this program reads itself: ranges, entity tags, dates, Retry-After, addresses.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/file_plan.h"
#include "net/http_client.h"
#include "net/http_date.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace net = strandline::net;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto line = std::min(text.find('\n'), text.size());
    const std::string first(text.substr(0, line));
    const std::string second(text.substr(std::min(line + 1, size)));
    for (const std::uint64_t length : {0UL, 1UL, 1000UL, 1UL << 48U}) {
        net::Headers headers;
        headers.set("Range", first);
        headers.set("If-Range", second);
        headers.set("If-None-Match", second);
        const auto plan = net::plan_file(net::Method::get, headers, length, "\"etag\"");
        STRANDLINE_ASSERT(plan.offset <= length && plan.length <= length - plan.offset);
    }
    if (const auto time = net::from_http_date(first)) {
        STRANDLINE_ASSERT(net::from_http_date(net::to_http_date(*time)) == time);
    }
    const auto wait = net::parse_retry_after(first, strandline::WallTime{});
    STRANDLINE_ASSERT(!wait || wait->count() >= 0);
    strandline::ignore(net::Url::parse(first), "must only not crash");
    return 0;
}
