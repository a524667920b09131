#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace strandline::registry {

/// Which part of a list is wanted. `cursor` is what the previous page returned as `next`; empty
/// starts at the beginning.
struct PageRequest {
    std::size_t limit = 100;  ///< 1..1000; more is cut down
    std::string cursor;
};

template <class T>
struct Page {
    std::vector<T> items;
    std::optional<std::string> next;  ///< set when there is more
};

inline constexpr std::size_t max_page_limit = 1000;

/// The limit, cut to what is allowed.
[[nodiscard]] std::size_t page_limit(const PageRequest& page);

/// Cursors of lists that are ordered by a number; `start` when there is none yet.
[[nodiscard]] Result<std::int64_t> sequence_cursor(const PageRequest& page, std::int64_t start);
/// Where a list that shows the newest first starts.
inline constexpr std::int64_t newest_first = std::numeric_limits<std::int64_t>::max();

/// A page from up to `limit` + 1 items; `cursor_of` names an item's place in the order.
template <class T, class CursorOf>
[[nodiscard]] Page<T> make_page(std::vector<T> items, std::size_t limit, CursorOf cursor_of) {
    Page<T> page;
    page.items = std::move(items);
    if (page.items.size() > limit) {
        page.items.erase(page.items.begin() + static_cast<std::ptrdiff_t>(limit), page.items.end());
        page.next = cursor_of(page.items.back());
    }
    return page;
}

}  // namespace strandline::registry
