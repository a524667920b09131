#include <fmt/format.h>
#include <utility>

#include "infer/json_scan.h"
#include "infer/tensor_json.h"

namespace strandline::infer {
namespace {

constexpr std::size_t max_arrays = 4096;
constexpr std::string_view data_key = "\"data\"";

/// Position just behind the array that starts at `at`, or npos when it does not end.
std::size_t end_of_array(std::string_view text, std::size_t at) {
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = end_of_string(text, at);
            continue;  // npos ends the loop
        }
        if (c == '[') ++depth;
        if (c == ']' && --depth == 0) return at + 1;
        ++at;
    }
    return std::string_view::npos;
}

std::size_t skip_spaces(std::string_view text, std::size_t at) {
    while (at < text.size() && is_space(text[at])) ++at;
    return at;
}

/// Where the value of a `data` key starts, when the string [begin, end) is such a key.
std::size_t data_value(std::string_view text, std::size_t begin, std::size_t end) {
    if (text.substr(begin, end - begin) != data_key) return std::string_view::npos;
    const auto colon = skip_spaces(text, end);
    if (colon >= text.size() || text[colon] != ':') return std::string_view::npos;
    return skip_spaces(text, colon + 1);
}

}  // namespace

Result<std::string_view> SplitDocument::take(std::int64_t index) {
    const auto place = static_cast<std::uint64_t>(index);
    if (place >= arrays.size() || arrays[place].empty())
        return fail(Errc::invalid, "'data' must be a list");
    return std::exchange(arrays[place], {});
}

Result<SplitDocument> split_tensor_data(std::string_view document) {
    SplitDocument out;
    std::size_t copied = 0;
    std::size_t at = 0;
    while ((at = document.find('"', at)) != std::string_view::npos) {
        const auto end = end_of_string(document, at);
        if (end > document.size()) break;  // the parser of the rest will say so
        const auto value = data_value(document, at, end);
        at = end;
        if (value == std::string_view::npos) continue;
        if (value >= document.size() || document[value] != '[') {
            return fail(Errc::invalid, "the value of 'data' must be a list");
        }
        const auto behind = end_of_array(document, value);
        if (behind == std::string_view::npos)
            return fail(Errc::invalid, "a list 'data' does not end");
        if (out.arrays.size() == max_arrays) {
            return fail(Errc::invalid, fmt::format("more than {} lists 'data'", max_arrays));
        }
        out.text += document.substr(copied, value - copied);
        // The spaces keep what follows from becoming part of the number.
        out.text += fmt::format(" {} ", out.arrays.size());
        out.arrays.push_back(document.substr(value, behind - value));
        copied = behind;
        at = behind;
    }
    out.text += document.substr(copied);
    return out;
}

}  // namespace strandline::infer
