#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace strandline::delta {

/// Reads a file's little-endian fields one after the other. Reading or skipping past the end gives
/// zeros and makes the reader not ok() for good, so that a parser may look once, after a few reads.
/// The bytes are borrowed.
class Reader {
public:
    explicit Reader(ByteSpan bytes, std::uint64_t at = 0) : bytes_(bytes) { seek(at); }

    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::uint64_t at() const { return at_; }
    [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }
    [[nodiscard]] std::uint64_t left() const { return bytes_.size() - at_; }

    void fail() { ok_ = false; }
    void seek(std::uint64_t at) {
        if (at > bytes_.size()) {
            fail();
        } else {
            at_ = at;
        }
    }
    void skip(std::uint64_t count) { static_cast<void>(take(count)); }

    /// The next `count` bytes, or none when there are fewer.
    ByteSpan take(std::uint64_t count) {
        if (!ok_ || count > left()) {
            fail();
            return {};
        }
        const auto result =
            bytes_.subspan(static_cast<std::size_t>(at_), static_cast<std::size_t>(count));
        at_ += count;
        return result;
    }

    template <std::unsigned_integral T>
    T get() {
        const auto field = take(sizeof(T));
        return field.empty() ? T{0} : load_le<T>(field);
    }
    std::uint8_t u8() { return get<std::uint8_t>(); }
    std::uint16_t u16() { return get<std::uint16_t>(); }
    std::uint32_t u32() { return get<std::uint32_t>(); }
    std::uint64_t u64() { return get<std::uint64_t>(); }

    /// An unsigned field of 1 to 8 bytes.
    std::uint64_t sized(unsigned bytes) {
        std::uint64_t value = 0;
        const auto field = take(bytes);
        for (std::size_t i = 0; i < field.size() && i < 8; ++i) {
            value |= static_cast<std::uint64_t>(field[i]) << (8 * i);
        }
        return value;
    }

private:
    ByteSpan bytes_;
    std::uint64_t at_ = 0;
    bool ok_ = true;
};

/// The part of `bytes` from `offset` on that is `count` long; empty when it does not lie inside.
[[nodiscard]] inline ByteSpan slice(ByteSpan bytes, std::uint64_t offset, std::uint64_t count) {
    if (offset > bytes.size() || count > bytes.size() - offset) return {};
    return bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count));
}

/// Where `part`, a span of `whole`, begins in it.
[[nodiscard]] inline std::uint64_t offset_in(ByteSpan whole, ByteSpan part) {
    return static_cast<std::uint64_t>(part.data() - whole.data());
}

[[nodiscard]] inline float load_f32(ByteSpan bytes) {
    return std::bit_cast<float>(load_le<std::uint32_t>(bytes));
}

[[nodiscard]] inline bool same_bytes(ByteSpan a, ByteSpan b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

[[nodiscard]] inline bool starts_with(ByteSpan bytes, std::string_view prefix) {
    return bytes.size() >= prefix.size() && as_text(bytes.first(prefix.size())) == prefix;
}

}  // namespace strandline::delta
