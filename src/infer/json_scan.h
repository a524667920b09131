#pragma once

#include <algorithm>
#include <string_view>

namespace strandline::infer {

[[nodiscard]] inline bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Position just behind the string that starts at `at`, or npos when it does not end.
[[nodiscard]] inline std::size_t end_of_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size(); ++at) {
        if (text[at] == '"') return at + 1;
        if (text[at] == '\\') ++at;
    }
    return std::string_view::npos;
}

/// True when a string needs neither unescaping nor a check of its encoding.
[[nodiscard]] inline bool is_plain(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f' && c != '\\'; });
}

}  // namespace strandline::infer
