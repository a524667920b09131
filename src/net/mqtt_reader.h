#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

// Internal to net.
namespace strandline::net {

/// Reads the data types of MQTT 5 (section 1.5) from the front of a packet or of a part of one.
/// Nothing is copied. What does not fit into the bytes is `corrupt`, said as "that ...".
class MqttReader {
public:
    explicit MqttReader(ByteSpan bytes) : rest_(bytes) {}

    [[nodiscard]] bool empty() const { return rest_.empty(); }
    [[nodiscard]] Result<std::uint8_t> byte();
    [[nodiscard]] Result<std::uint16_t> u16();
    [[nodiscard]] Result<std::uint32_t> u32();
    /// One to four bytes, no more than needed.
    [[nodiscard]] Result<std::uint32_t> variable();
    [[nodiscard]] Result<ByteSpan> binary();
    /// UTF-8 without NUL.
    [[nodiscard]] Result<std::string_view> text();
    [[nodiscard]] Result<ByteSpan> take(std::size_t size);

private:
    ByteSpan rest_;
};

}  // namespace strandline::net
