#include <array>
#include <bitset>
#include <fmt/core.h>
#include <tuple>

#include "net/mqtt_packet.h"

namespace strandline::net {
namespace {

enum class Type : std::uint8_t { none, flag, u16, u32, variable, text, binary, pair };

struct Property {
    Type type = Type::none;
    unsigned packets = 0;  ///< a bit for each packet type it belongs to
    bool repeats = false;
    bool positive = false;  ///< 0 is forbidden
};

constexpr unsigned bit(MqttPacket packet) { return 1U << static_cast<unsigned>(packet); }

constexpr unsigned in_connack = bit(MqttPacket::connack);
constexpr unsigned in_publish = bit(MqttPacket::publish);
constexpr unsigned in_disconnect = bit(MqttPacket::disconnect);
constexpr unsigned in_answers =
    bit(MqttPacket::puback) | bit(MqttPacket::suback) | bit(MqttPacket::unsuback);
constexpr std::uint8_t topic_alias = 0x23;
constexpr std::size_t identifiers = 0x2b;

/// MQTT 5 table 2-4, as far as a broker sends them; the bounds stand in section 3.
constexpr std::array<Property, identifiers> properties = [] {
    std::array<Property, identifiers> table{};
    table[0x01] = {Type::flag, in_publish};                  // payload format
    table[0x02] = {Type::u32, in_publish};                   // message expiry
    table[0x03] = {Type::text, in_publish};                  // content type
    table[0x08] = {Type::text, in_publish};                  // response topic
    table[0x09] = {Type::binary, in_publish};                // correlation data
    table[0x0b] = {Type::variable, in_publish, true, true};  // subscription identifier
    table[0x11] = {Type::u32, in_connack};                   // session expiry
    table[0x12] = {Type::text, in_connack};                  // assigned client identifier
    table[0x13] = {Type::u16, in_connack};                   // server keep alive
    table[0x15] = {Type::text, in_connack};                  // authentication method
    table[0x16] = {Type::binary, in_connack};                // authentication data
    table[0x1a] = {Type::text, in_connack};                  // response information
    table[0x1c] = {Type::text, in_connack | in_disconnect};  // server reference
    table[0x1f] = {Type::text, in_connack | in_answers | in_disconnect};  // reason string
    table[0x21] = {Type::u16, in_connack, false, true};                   // receive maximum
    table[0x22] = {Type::u16, in_connack};                                // topic alias maximum
    table[0x24] = {Type::flag, in_connack};                               // maximum QoS
    table[0x25] = {Type::flag, in_connack};                               // retain available
    table[0x26] = {Type::pair, in_connack | in_publish | in_answers | in_disconnect, true};
    table[0x27] = {Type::u32, in_connack, false, true};  // maximum packet size
    table[0x28] = {Type::flag, in_connack};              // wildcard subscriptions
    table[0x29] = {Type::flag, in_connack};              // subscription identifiers
    table[0x2a] = {Type::flag, in_connack};              // shared subscriptions
    return table;
}();

Result<std::uint32_t> read_number(Type type, MqttReader& reader) {
    if (type == Type::flag) return reader.byte();
    if (type == Type::u16) return reader.u16();
    if (type == Type::u32) return reader.u32();
    return reader.variable();
}

Status read_bytes(Type type, MqttReader& reader) {
    if (type == Type::binary) {
        TRY(std::ignore, reader.binary());
        return {};
    }
    if (type == Type::pair) {
        TRY(std::ignore, reader.text());
    }
    TRY(std::ignore, reader.text());
    return {};
}

Status check_value(std::uint8_t identifier, const Property& property, MqttReader& reader) {
    if (property.type >= Type::text) return read_bytes(property.type, reader);
    TRY(const auto value, read_number(property.type, reader));
    const bool bad = property.type == Type::flag ? value > 1 : property.positive && value == 0;
    if (!bad) return {};
    return fail(Errc::corrupt, fmt::format("with {} in property {:#04x}", value, identifier));
}

}  // namespace

Status check_properties(MqttPacket packet, MqttReader& reader) {
    TRY(const auto size, reader.variable());
    TRY(const auto bytes, reader.take(size));
    MqttReader list(bytes);
    std::bitset<identifiers> seen;
    while (!list.empty()) {
        // An identifier is a variable number, of which all known ones take one byte.
        TRY(const auto identifier, list.byte());
        // Allowed only to a client that asked for it, which this one never does.
        if (identifier == topic_alias && packet == MqttPacket::publish) {
            return fail(Errc::corrupt, "with a topic alias, which was not allowed");
        }
        if (identifier >= identifiers || properties[identifier].type == Type::none) {
            return fail(Errc::corrupt, fmt::format("with an unknown property {:#04x}", identifier));
        }
        const auto& property = properties[identifier];
        if ((property.packets & bit(packet)) == 0) {
            return fail(
                Errc::corrupt,
                fmt::format("with property {:#04x}, which does not belong there", identifier));
        }
        if (seen[identifier] && !property.repeats) {
            return fail(Errc::corrupt, fmt::format("with property {:#04x} twice", identifier));
        }
        seen.set(identifier);
        TRY(check_value(identifier, property, list));
    }
    return {};
}

}  // namespace strandline::net
