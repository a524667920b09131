#include "hub/legacy/legacy_names.h"

#include <algorithm>

namespace strandline::hub {
namespace {

constexpr std::size_t max_name = 64;  // check_name()

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

std::string cleaned(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool control = static_cast<unsigned char>(c) < ' ' || c == 127;
        out += control || c == '/' || c == '\\' ? '_' : c;
    }
    return out == "." || out == ".." || out.empty() ? "_" : out;
}

// Without the dot; empty when there is none or when it is no plain word.
std::string extension_of(std::string_view name) {
    constexpr std::size_t longest = 16;
    const auto dot = name.rfind('.');
    if (dot == std::string_view::npos || dot + 1 == name.size()) return {};
    const auto text = name.substr(dot + 1);
    const bool plain = std::all_of(
        text.begin(), text.end(), [](char c) { return is_digit(c) || is_lower(c) || is_upper(c); });
    return plain && text.size() <= longest ? std::string(text) : std::string();
}

}  // namespace

std::string package_of_title(std::string_view title) {
    std::string out;
    for (const char c : title) {
        if (out.size() == max_name) break;
        if (is_upper(c)) {
            out += static_cast<char>(c - 'A' + 'a');
        } else if (is_lower(c) || is_digit(c)) {
            out += c;
        } else if (!out.empty() && out.back() != '-') {
            out += '-';
        }
    }
    while (!out.empty() && out.back() == '-') out.pop_back();
    return out.empty() ? "model" : out;
}

std::string document_name(std::string_view title, std::string_view version,
                          std::string_view original) {
    const auto extension = extension_of(original);
    auto name = cleaned(std::string(title) + "-" + std::string(version));
    return extension.empty() ? name : name + "." + extension;
}

std::string folder_name(std::string_view title) { return cleaned(title); }

}  // namespace strandline::hub
