#pragma once

#include <cstdint>
#include <string>

#include "net/http_message.h"

// Internal to net.
namespace strandline::net {

/// What a conditional or range request for a file is answered with.
struct FilePlan {
    int status = 200;  ///< 200, 206, 304 or 416
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::string content_range;  ///< of 206 and 416
};

/// Evaluates If-None-Match, If-Range and Range (RFC 9110 sections 13 and 14). A request for several
/// ranges, or one that cannot be understood, gets the whole file, as section 14.2 allows; so does
/// HEAD, for which ranges mean nothing.
[[nodiscard]] FilePlan plan_file(Method method, const Headers& request, std::uint64_t size,
                                 std::string_view etag);

/// True when the entity tag is in the list of an If-None-Match field (weak comparison), or the
/// list is `*`.
[[nodiscard]] bool etag_matches(std::string_view list, std::string_view etag);

}  // namespace strandline::net
