#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace strandline::delta {

/// Appends an unsigned integer, seven bits a byte, lowest first, top bit set on all but the last.
void append_varint(Bytes& out, std::uint64_t value);

/// Maps small signed numbers to small unsigned ones: 0, -1, 1, -2 become 0, 1, 2, 3.
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t value) {
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

/// Reads fields off the front of bytes that came from outside; borrowed. The first bad read makes
/// ok() false, and all later ones give zeros.
class FieldReader {
public:
    explicit FieldReader(ByteSpan bytes) : bytes_(bytes) {}

    [[nodiscard]] std::uint8_t byte();
    /// At most ten bytes and no bits past the 64th.
    [[nodiscard]] std::uint64_t varint();
    /// Borrowed view of the next `count` bytes.
    [[nodiscard]] ByteSpan take(std::uint64_t count);
    [[nodiscard]] ByteSpan rest() { return take(bytes_.size()); }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::size_t left() const { return bytes_.size(); }

private:
    ByteSpan bytes_;
    bool ok_ = true;
};

}  // namespace strandline::delta
