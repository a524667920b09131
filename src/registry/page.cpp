#include "registry/page.h"

#include <algorithm>
#include <charconv>

namespace strandline::registry {

std::size_t page_limit(const PageRequest& page) {
    return std::clamp<std::size_t>(page.limit, 1, max_page_limit);
}

Result<std::int64_t> sequence_cursor(const PageRequest& page, std::int64_t start) {
    if (page.cursor.empty()) return start;
    std::int64_t value = 0;
    const char* end = page.cursor.data() + page.cursor.size();
    const auto parsed = std::from_chars(page.cursor.data(), end, value);
    if (parsed.ec != std::errc{} || parsed.ptr != end) {
        return fail(Errc::invalid, "cursor: pass the value of \"next\" unchanged");
    }
    return value;
}

}  // namespace strandline::registry
