#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "net/mqtt_reader.h"

// Internal to net.
namespace strandline::net {

/// Packet types of MQTT 5 (section 2.1.2) that a broker sends to a client that knows QoS 0 and 1.
enum class MqttPacket : std::uint8_t {
    connack = 2,
    publish = 3,
    puback = 4,
    suback = 9,
    unsuback = 11,
    pingresp = 13,
    disconnect = 14,
};

/// What to call the packet that begins with this byte: "a PUBLISH".
[[nodiscard]] std::string_view packet_name(std::uint8_t first);

/// The first byte of a packet: a type that a broker may send to a client that offered no
/// authentication method, with the flags that belong to it. Else `corrupt`, naming it.
[[nodiscard]] Result<MqttPacket> check_packet_type(std::uint8_t first);

/// A whole packet behind its fixed header (section 3): all its parts are there and within it, and
/// nothing stands behind them. `first` passed check_packet_type(). What the values mean is for the
/// reader to judge. A bad packet is `corrupt`, naming the packet and what is wrong with it.
[[nodiscard]] Status check_packet(std::uint8_t first, ByteSpan content);

/// A property list with its length (section 2.2.2): known identifiers that belong into such a
/// packet, each once unless the standard lets it repeat, values within the list and the bounds that
/// the standard sets them.
[[nodiscard]] Status check_properties(MqttPacket packet, MqttReader& reader);

}  // namespace strandline::net
