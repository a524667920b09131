#include "net/file_plan.h"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <limits>
#include <optional>

namespace strandline::net {
namespace {

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view without_weakness(std::string_view etag) {
    return etag.starts_with("W/") ? etag.substr(2) : etag;
}

/// Digits only; a number too large to hold is as good as the largest.
std::optional<std::uint64_t> position(std::string_view text) {
    const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failed == std::errc{} ? value : std::numeric_limits<std::uint64_t>::max();
}

struct ByteRange {
    bool satisfiable = false;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
};

/// Empty when the field is to be ignored.
std::optional<ByteRange> parse_range(std::string_view value, std::uint64_t size) {
    const auto equals = value.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    if (!equals_ignoring_case(trim(value.substr(0, equals)), "bytes")) return std::nullopt;
    const auto spec = trim(value.substr(equals + 1));
    const auto dash = spec.find('-');
    if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) {
        return std::nullopt;
    }
    const auto first = position(spec.substr(0, dash));
    const auto last = position(spec.substr(dash + 1));
    if (dash == 0) {  // the last n bytes
        if (!last) return std::nullopt;
        if (*last == 0 || size == 0) return ByteRange{};
        return ByteRange{true, size - std::min(*last, size), size - 1};
    }
    if (!first || (!last && dash + 1 != spec.size())) return std::nullopt;
    if (last && *last < *first) return std::nullopt;
    if (*first >= size) return ByteRange{};
    return ByteRange{true, *first, last ? std::min(*last, size - 1) : size - 1};
}

}  // namespace

bool etag_matches(std::string_view list, std::string_view etag) {
    if (trim(list) == "*") return true;
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        if (without_weakness(trim(list.substr(0, comma))) == without_weakness(etag)) return true;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

FilePlan plan_file(Method method, const Headers& request, std::uint64_t size,
                   std::string_view etag) {
    FilePlan plan;
    plan.length = size;
    const auto known = request.find("If-None-Match");
    if (known && !etag.empty() && etag_matches(*known, etag)) {
        plan.status = 304;
        plan.length = 0;
        return plan;
    }
    const auto range = request.find("Range");
    if (!range || method == Method::head) return plan;  // RFC 9110 section 14.2
    // If-Range compares strongly; a date never matches, since only the etag is known.
    const auto condition = request.find("If-Range");
    if (condition && (etag.empty() || etag.starts_with("W/") || *condition != etag)) return plan;
    const auto wanted = parse_range(*range, size);
    if (!wanted) return plan;
    if (!wanted->satisfiable) {
        plan.status = 416;
        plan.length = 0;
        plan.content_range = fmt::format("bytes */{}", size);
        return plan;
    }
    plan.status = 206;
    plan.offset = wanted->first;
    plan.length = wanted->last - wanted->first + 1;
    plan.content_range = fmt::format("bytes {}-{}/{}", wanted->first, wanted->last, size);
    return plan;
}

}  // namespace strandline::net
