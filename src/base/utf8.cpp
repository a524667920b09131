#include "base/utf8.h"

#include <array>

namespace strandline {
namespace {

// Lead byte range, length and range of the second byte: RFC 3629 section 4.
struct Form {
    unsigned char first;
    unsigned char last;
    std::size_t length;
    unsigned char second_first;
    unsigned char second_last;
};

constexpr std::array<Form, 9> forms{{{0x00, 0x7f, 1, 0, 0},
                                     {0xc2, 0xdf, 2, 0x80, 0xbf},
                                     {0xe0, 0xe0, 3, 0xa0, 0xbf},
                                     {0xe1, 0xec, 3, 0x80, 0xbf},
                                     {0xed, 0xed, 3, 0x80, 0x9f},
                                     {0xee, 0xef, 3, 0x80, 0xbf},
                                     {0xf0, 0xf0, 4, 0x90, 0xbf},
                                     {0xf1, 0xf3, 4, 0x80, 0xbf},
                                     {0xf4, 0xf4, 4, 0x80, 0x8f}}};

bool matches(const Form& form, std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (byte(0) < form.first || byte(0) > form.last || text.size() < form.length) return false;
    if (form.length > 1 && (byte(1) < form.second_first || byte(1) > form.second_last))
        return false;
    for (std::size_t i = 2; i < form.length; ++i) {
        if (byte(i) < 0x80 || byte(i) > 0xbf) return false;
    }
    return true;
}

// Length of the character at the start; 0 when there is no well-formed one.
std::size_t character_length(std::string_view text) {
    for (const auto& form : forms) {
        if (matches(form, text)) return form.length;
    }
    return 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string clean_text(std::string_view text, std::size_t max_bytes) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        const std::string_view character =
            length == 0 ? std::string_view("?") : text.substr(0, length);
        if (out.size() + character.size() > max_bytes) break;
        out.append(character);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

}  // namespace strandline
