#include "base/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>

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

// Code points in order, first and last.
struct Span {
    std::uint32_t first;
    std::uint32_t last;
};
constexpr std::array<Span, 6> unprintable{{{0x00, 0x1f},
                                           {0x7f, 0x9f},
                                           {0x061c, 0x061c},
                                           {0x200e, 0x200f},
                                           {0x2028, 0x202e},
                                           {0x2066, 0x2069}}};

// Of one well-formed character.
std::uint32_t code_point(std::string_view character) {
    const auto lead = static_cast<unsigned char>(character.front());
    constexpr std::array<std::uint32_t, 5> lead_bits{0, 0x7f, 0x1f, 0x0f, 0x07};
    std::uint32_t code = lead & lead_bits.at(character.size());
    for (const char c : character.substr(1)) {
        code = code << 6U | (static_cast<unsigned char>(c) & 0x3fU);
    }
    return code;
}

// Length of the printable character at the start; 0 when there is none.
std::size_t printable_length(std::string_view text, std::string_view also) {
    const std::size_t length = character_length(text);
    if (length == 0 || also.find(text.front()) != std::string_view::npos) return length;
    const auto code = code_point(text.substr(0, length));
    const bool refused = std::any_of(unprintable.begin(), unprintable.end(), [&](const Span& span) {
        return code >= span.first && code <= span.last;
    });
    return refused ? 0 : length;
}

void append_hex(std::string& out, std::uint32_t value, unsigned digits) {
    constexpr std::string_view alphabet = "0123456789abcdef";
    while (digits-- > 0) out += alphabet[value >> 4U * digits & 15U];
}

using Escape = void (*)(std::string& out, std::string_view bad);

void escape_bytes(std::string& out, std::string_view bad) {
    for (const char c : bad) {
        out += "\\x";
        append_hex(out, static_cast<unsigned char>(c), 2);
    }
}

// Ill-formed bytes do not stand in JSON; `?` is for those that do all the same.
void escape_json(std::string& out, std::string_view bad) {
    if (character_length(bad) == 0) {
        out += '?';
        return;
    }
    out += "\\u";
    append_hex(out, code_point(bad), 4);
}

std::string escaped(std::string_view text, std::string_view also, Escape escape) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t good = printable_length(text, also);
        const std::size_t size = std::max<std::size_t>(1, character_length(text));
        if (good > 0) {
            out.append(text.substr(0, good));
        } else {
            escape(out, text.substr(0, size));
        }
        text.remove_prefix(size);
    }
    return out;
}

}  // namespace

bool is_plain_text(std::string_view text, std::string_view also) {
    while (!text.empty()) {
        const std::size_t length = printable_length(text, also);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string printable(std::string_view text, std::string_view also) {
    return escaped(text, also, escape_bytes);
}

// Line ends and tabs stand between the tokens of JSON; inside its strings they cannot.
std::string printable_json(std::string_view json) { return escaped(json, "\n\t", escape_json); }

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
