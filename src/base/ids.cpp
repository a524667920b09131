#include "base/ids.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>

#include "base/utf8.h"

namespace strandline {
namespace {

constexpr std::size_t name_limit = 64;
constexpr std::size_t path_limit = 255;

// 5 bits a character, RFC 4648 base32hex in lower case.
std::string random_text(std::size_t characters, Random& random) {
    constexpr std::string_view alphabet = "0123456789abcdefghijklmnopqrstuv";
    std::string text(characters, '0');
    std::array<std::byte, 64> noise{};
    random.fill(noise);
    for (std::size_t i = 0; i < characters; ++i) {
        text[i] = alphabet[static_cast<unsigned>(noise[i]) & 31U];
    }
    return text;
}

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string make_id(std::string_view prefix, Random& random) {
    return fmt::format("{}-{}", prefix, random_text(20, random));
}

std::string make_secret(Random& random) { return random_text(52, random); }

Status check_name(std::string_view what, std::string_view name) {
    const bool allowed = std::all_of(name.begin(), name.end(), [](char c) {
        return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
    });
    if (name.empty() || name.size() > name_limit || !allowed || !is_alphanumeric(name.front()) ||
        name.find("..") != std::string_view::npos) {
        return fail(Errc::invalid,
                    fmt::format("{} \"{}\": use 1 to {} characters of a-z A-Z 0-9 . _ - and start "
                                "with a letter or digit",
                                what, printable(name.substr(0, name_limit)), name_limit));
    }
    return {};
}

Status check_bundle_path(std::string_view path) {
    const Error bad =
        fail(Errc::invalid,
             fmt::format("path \"{}\": use a relative path in UTF-8 without . or .. parts, "
                         "backslashes and control characters",
                         printable(path.substr(0, path_limit))));
    if (path.empty() || path.size() > path_limit) return bad;
    std::size_t start = 0;
    while (start <= path.size()) {
        const std::size_t end = std::min(path.find('/', start), path.size());
        const std::string_view part = path.substr(start, end - start);
        if (part.empty() || part == "." || part == "..") return bad;
        start = end + 1;
    }
    if (path.find('\\') != std::string_view::npos || !is_plain_text(path)) return bad;
    return {};
}

}  // namespace strandline
