#include "hub/transfer/byte_range.h"

#include <algorithm>
#include <charconv>

namespace strandline::hub {
namespace {

std::optional<std::uint64_t> parse(std::string_view text) {
    std::uint64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || rest != end) return std::nullopt;
    return value;
}

}  // namespace

std::uint64_t requested_bytes(std::optional<std::string_view> range, std::uint64_t size) {
    constexpr std::string_view unit = "bytes=";
    if (!range || !range->starts_with(unit)) return size;
    const auto spec = range->substr(unit.size());
    const auto dash = spec.find('-');
    if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return size;
    const auto last = parse(spec.substr(dash + 1));
    if (dash == 0) return last ? std::min(*last, size) : size;
    const auto first = parse(spec.substr(0, dash));
    if (!first || *first >= size) return size;
    if (spec.size() == dash + 1) return size - *first;
    if (!last || *last < *first) return size;
    return std::min(*last, size - 1) - *first + 1;
}

}  // namespace strandline::hub
