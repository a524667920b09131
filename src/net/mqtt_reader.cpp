#include "net/mqtt_reader.h"

#include "base/utf8.h"

namespace strandline::net {

Result<ByteSpan> MqttReader::take(std::size_t size) {
    if (size > rest_.size()) return fail(Errc::corrupt, "that is cut short");
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
}

Result<std::uint8_t> MqttReader::byte() {
    TRY(const auto bytes, take(1));
    return std::to_integer<std::uint8_t>(bytes[0]);
}

Result<std::uint16_t> MqttReader::u16() {
    TRY(const auto bytes, take(2));
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[0]) << 8 |
                                      std::to_integer<unsigned>(bytes[1]));
}

Result<std::uint32_t> MqttReader::u32() {
    TRY(const std::uint32_t high, u16());
    TRY(const std::uint32_t low, u16());
    return high << 16 | low;
}

Result<std::uint32_t> MqttReader::variable() {
    constexpr int most_bytes = 4;
    std::uint32_t value = 0;
    for (int i = 0; i < most_bytes; ++i) {
        TRY(const std::uint32_t next, byte());
        value |= (next & 0x7f) << (7 * i);
        if ((next & 0x80) != 0) continue;
        if (next == 0 && i > 0)
            return fail(Errc::corrupt, "that writes a length in needless bytes");
        return value;
    }
    return fail(Errc::corrupt, "that writes a length in more than four bytes");
}

Result<ByteSpan> MqttReader::binary() {
    TRY(const auto size, u16());
    return take(size);
}

Result<std::string_view> MqttReader::text() {
    TRY(const auto bytes, binary());
    const auto text = as_text(bytes);
    if (!is_utf8(text)) return fail(Errc::corrupt, "that holds text which is not UTF-8");
    if (text.find('\0') != std::string_view::npos) {
        return fail(Errc::corrupt, "that holds text with NUL");
    }
    return text;
}

}  // namespace strandline::net
