#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

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

}  // namespace strandline::registry
