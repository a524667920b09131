#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/bytes.h"
#include "base/result.h"

// Internal to net.
namespace strandline::net {

/// Cuts what a broker sends into packets (MQTT 5 section 2.1) and lets only whole and valid ones
/// through. A connection begins with one CONNACK, and has no other. Holds at most one packet that
/// has not come completely, and memory only for what of it came.
class MqttFrames {
public:
    /// Takes whole packets, one or several behind each other; false when it wants no more.
    using Pass = std::function<bool(ByteSpan)>;

    /// Of a packet with its header, as CONNECT announced it.
    explicit MqttFrames(std::size_t max_packet_bytes) : max_packet_bytes_(max_packet_bytes) {}

    /// Takes bytes as they come. An acknowledgement passes without its properties: nobody reads
    /// them, and libmosquitto 2.0.11 never frees them when it does not know the packet id.
    /// `corrupt` names the first bad packet; those before it were passed.
    [[nodiscard]] Status feed(ByteSpan bytes, const Pass& pass);

    /// How much of an incomplete packet waits here.
    [[nodiscard]] std::size_t held() const { return held_.size(); }

private:
    struct Scan {
        std::size_t whole = 0;  ///< bytes of good packets
        std::size_t next = 0;   ///< size of the packet behind them; 0: not known yet
        bool cuts = false;      ///< that one is good, and passes without its properties
        Status status;          ///< why that one is bad
    };
    [[nodiscard]] Scan scan(ByteSpan bytes);
    [[nodiscard]] Result<std::size_t> packet_size(ByteSpan bytes) const;
    [[nodiscard]] Status check(ByteSpan packet);
    [[nodiscard]] Status check_order(std::uint8_t first) const;
    [[nodiscard]] Result<bool> complete(ByteSpan& bytes, const Pass& pass);

    std::size_t max_packet_bytes_;
    bool connected_ = false;
    Bytes held_;
    std::size_t held_packet_ = 0;  ///< size of the packet that begins there; 0: not known yet
};

}  // namespace strandline::net
