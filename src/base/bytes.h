#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strandline {

using Bytes = std::vector<std::byte>;
using ByteSpan = std::span<const std::byte>;

/// The bytes of a text; borrowed.
[[nodiscard]] inline ByteSpan as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

/// The bytes as text; borrowed, no check of the encoding.
[[nodiscard]] inline std::string_view as_text(ByteSpan bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(ByteSpan bytes);
/// Accepts either case; odd length or another character is `invalid`.
[[nodiscard]] Result<Bytes> from_hex(std::string_view text);

/// RFC 4648 base64 with padding.
[[nodiscard]] std::string to_base64(ByteSpan bytes);
/// Strict RFC 4648 section 4: padding required, no white space.
[[nodiscard]] Result<Bytes> from_base64(std::string_view text);

/// Equal, in time that does not depend on where they differ.
[[nodiscard]] bool equal_constant_time(ByteSpan a, ByteSpan b);

/// Reads an unsigned integer stored little endian; `bytes` must hold sizeof(T) bytes.
template <std::unsigned_integral T>
[[nodiscard]] constexpr T load_le(ByteSpan bytes) {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        value = static_cast<T>(value | static_cast<T>(static_cast<T>(bytes[i]) << (8 * i)));
    }
    return value;
}

/// Writes an unsigned integer little endian; `out` must hold sizeof(T) bytes.
template <std::unsigned_integral T>
constexpr void store_le(T value, std::span<std::byte> out) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        out[i] = static_cast<std::byte>((value >> (8 * i)) & 0xff);
    }
}

/// Appends an unsigned integer little endian.
template <std::unsigned_integral T>
void append_le(Bytes& out, T value) {
    std::array<std::byte, sizeof(T)> buffer{};
    store_le(value, std::span<std::byte>(buffer));
    out.insert(out.end(), buffer.begin(), buffer.end());
}

}  // namespace strandline
