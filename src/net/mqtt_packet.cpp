#include "net/mqtt_packet.h"

#include <array>
#include <fmt/core.h>
#include <tuple>

namespace strandline::net {
namespace {

/// Nothing is subscribed above it, so a broker never sends more (section 3.8.4).
constexpr unsigned highest_quality = 1;

unsigned quality_of(std::uint8_t first) { return (first >> 1) & 3U; }

bool is_from_broker(unsigned type) {
    constexpr unsigned senders =
        1U << 2 | 1U << 3 | 1U << 4 | 1U << 9 | 1U << 11 | 1U << 13 | 1U << 14;
    return (senders >> type & 1) != 0;
}

Status check_packet_id(MqttReader& reader) {
    TRY(const auto id, reader.u16());
    if (id == 0) return fail(Errc::corrupt, "with packet id 0");
    return {};
}

Status check_connack(MqttReader& reader) {
    TRY(const auto flags, reader.byte());
    if (flags > 1) return fail(Errc::corrupt, "with flags that are reserved");
    TRY(const auto reason, reader.byte());
    // So does a broker that speaks MQTT 3 only refuse a client.
    if (reason != 0 && reader.empty()) return {};
    return check_properties(MqttPacket::connack, reader);
}

Status check_publish(std::uint8_t first, MqttReader& reader) {
    TRY(const auto topic, reader.text());
    if (topic.empty()) return fail(Errc::corrupt, "without a topic");
    if (topic.find_first_of("+#") != std::string_view::npos) {
        return fail(Errc::corrupt, "with wildcards in its topic");
    }
    if (quality_of(first) > 0) TRY(check_packet_id(reader));
    return check_properties(MqttPacket::publish, reader);  // and all the rest is the payload
}

/// An acknowledgement may end before its reason or before its properties (section 3.4.2.1).
Status check_reason(MqttPacket packet, MqttReader& reader) {
    if (reader.empty()) return {};
    TRY(std::ignore, reader.byte());
    if (reader.empty()) return {};
    return check_properties(packet, reader);
}

Status check_reasons(MqttPacket packet, MqttReader& reader) {
    TRY(check_packet_id(reader));
    TRY(check_properties(packet, reader));
    do {
        TRY(std::ignore, reader.byte());
    } while (!reader.empty());
    return {};
}

Status check_parts(std::uint8_t first, MqttReader& reader) {
    const auto packet = static_cast<MqttPacket>(first >> 4);
    switch (packet) {
        case MqttPacket::connack:
            return check_connack(reader);
        case MqttPacket::publish:
            return check_publish(first, reader);
        case MqttPacket::puback:
            TRY(check_packet_id(reader));
            return check_reason(packet, reader);
        case MqttPacket::suback:
        case MqttPacket::unsuback:
            return check_reasons(packet, reader);
        case MqttPacket::pingresp:
            return {};
        case MqttPacket::disconnect:
            return check_reason(packet, reader);
    }
    return {};
}

}  // namespace

std::string_view packet_name(std::uint8_t first) {
    constexpr std::array<std::string_view, 16> names = {
        "a packet of type 0", "a CONNECT",  "a CONNACK",      "a PUBLISH",
        "a PUBACK",           "a PUBREC",   "a PUBREL",       "a PUBCOMP",
        "a SUBSCRIBE",        "a SUBACK",   "an UNSUBSCRIBE", "an UNSUBACK",
        "a PINGREQ",          "a PINGRESP", "a DISCONNECT",   "an AUTH"};
    return names[first >> 4];
}

Result<MqttPacket> check_packet_type(std::uint8_t first) {
    const unsigned type = first >> 4;
    const unsigned flags = first & 0x0fU;
    if (!is_from_broker(type)) {
        return fail(Errc::corrupt, fmt::format("the broker sent {}, which no broker may send here",
                                               packet_name(first)));
    }
    const auto packet = static_cast<MqttPacket>(type);
    const bool good =
        packet == MqttPacket::publish ? quality_of(first) <= highest_quality : flags == 0;
    if (good) return packet;
    return fail(Errc::corrupt,
                fmt::format("the broker sent {} with flags {:#03x}", packet_name(first), flags));
}

Status check_packet(std::uint8_t first, ByteSpan content) {
    MqttReader reader(content);
    auto status = check_parts(first, reader);
    const bool has_payload = static_cast<MqttPacket>(first >> 4) == MqttPacket::publish;
    if (status && !has_payload && !reader.empty()) {
        status = fail(Errc::corrupt, "with bytes behind its end");
    }
    if (status) return {};
    return fail(Errc::corrupt,
                fmt::format("the broker sent {} {}", packet_name(first), status.error().message));
}

}  // namespace strandline::net
