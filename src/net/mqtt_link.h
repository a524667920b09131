#pragma once

#include "base/file.h"
#include "net/mqtt_frames.h"
#include "net/stream.h"

// Internal to net.
namespace strandline::net {

/// One connection to a broker: our stream on the network's side, a local socket on the library's.
struct MqttLink {
    MqttLink(const boost::asio::any_io_executor& executor, std::size_t max_packet_bytes)
        : stream(executor), frames(max_packet_bytes) {}

    Stream stream;
    MqttFrames frames;  ///< what the broker sends goes through it
    UniqueFd local;     ///< the library holds the other end; -1 until the broker was reached
    bool sending = false;
    std::optional<Error> unsent;  ///< why writing failed
};

}  // namespace strandline::net
