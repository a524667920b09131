#include "base/bytes.h"

#include <openssl/crypto.h>

namespace strandline {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return -1;
}

}  // namespace

std::string to_hex(ByteSpan bytes) {
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const std::byte byte : bytes) {
        const auto value = static_cast<unsigned>(byte);
        out += hex_digits[value >> 4];
        out += hex_digits[value & 15U];
    }
    return out;
}

Result<Bytes> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return fail(Errc::invalid, "hexadecimal text has an odd length");
    Bytes out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_value(text[i]);
        const int low = hex_value(text[i + 1]);
        if (high < 0 || low < 0) {
            return fail(Errc::invalid, "hexadecimal text has a character outside 0-9a-f");
        }
        out.push_back(static_cast<std::byte>(high * 16 + low));
    }
    return out;
}

std::string to_base64(ByteSpan bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t left = bytes.size() - i;
        std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 16;
        if (left > 1) group |= static_cast<std::uint32_t>(bytes[i + 1]) << 8;
        if (left > 2) group |= static_cast<std::uint32_t>(bytes[i + 2]);
        out += base64_digits[group >> 18];
        out += base64_digits[(group >> 12) & 63U];
        out += left > 1 ? base64_digits[(group >> 6) & 63U] : '=';
        out += left > 2 ? base64_digits[group & 63U] : '=';
    }
    return out;
}

Result<Bytes> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return fail(Errc::invalid, "base64 text is not a multiple of 4");
    std::size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=')
        ++padding;
    const std::size_t digits = text.size() - padding;
    Bytes out;
    out.reserve(digits / 4 * 3 + 2);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        const int value = base64_value(text[i]);
        if (value < 0)
            return fail(Errc::invalid, "base64 text has a character outside its alphabet");
        group = group << 6 | static_cast<std::uint32_t>(value);
        if (i % 4 == 3) {
            out.push_back(static_cast<std::byte>(group >> 16 & 0xff));
            out.push_back(static_cast<std::byte>(group >> 8 & 0xff));
            out.push_back(static_cast<std::byte>(group & 0xff));
            group = 0;
        }
    }
    // The unused low bits must be zero, so that each value has one spelling.
    if (padding == 1) {
        if ((group & 3U) != 0) return fail(Errc::invalid, "base64 text has stray bits at its end");
        out.push_back(static_cast<std::byte>(group >> 10 & 0xff));
        out.push_back(static_cast<std::byte>(group >> 2 & 0xff));
    } else if (padding == 2) {
        if ((group & 15U) != 0) return fail(Errc::invalid, "base64 text has stray bits at its end");
        out.push_back(static_cast<std::byte>(group >> 4 & 0xff));
    }
    return out;
}

bool equal_constant_time(ByteSpan a, ByteSpan b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace strandline
