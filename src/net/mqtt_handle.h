#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "net/mqtt_client.h"

namespace strandline::net {

/// What the broker said in its CONNACK.
struct MqttSession {
    bool present = false;
    std::size_t receive_maximum = 65'535;  ///< unacknowledged QoS 1 and 2 messages it takes
    std::size_t max_packet_bytes = 0;      ///< 0: no limit
};

/// Called from inside the functions of MqttHandle, on the thread that called them.
struct MqttEvents {
    std::function<void(const MqttSession&)> connected;
    std::function<void(const MqttMessage&)> message;
    /// Of a QoS 1 or 2 message, with the reason code of the acknowledgement (MQTT 5 section 2.4).
    std::function<void(int id, int reason)> acknowledged;
    std::function<void(int id, int reason)> subscribed;
};

/// libmosquitto's client without event loop and network: turns its C interface, its callbacks and
/// its error codes into ours. It must be given whole and valid packets only, because it ends the
/// process at some others. One thread at a time.
class MqttHandle {
public:
    [[nodiscard]] static Result<std::unique_ptr<MqttHandle>> create(const MqttOptions& options,
                                                                    MqttEvents events);
    ~MqttHandle();
    MqttHandle(const MqttHandle&) = delete;
    MqttHandle& operator=(const MqttHandle&) = delete;

    /// Begins a connection over a local socket and returns its other end, at which what goes to
    /// the broker comes out, beginning with CONNECT. Blocks shortly for the file system. What was
    /// not acknowledged stays.
    [[nodiscard]] Result<UniqueFd> begin_connect();
    /// Whether there is something to read().
    [[nodiscard]] bool readable() const;
    /// Whether the library still holds its end of the connection, which it closes at any error and
    /// after DISCONNECT.
    [[nodiscard]] bool is_open() const;

    /// An error ends the connection and says why.
    [[nodiscard]] Status read();
    [[nodiscard]] Status write();
    /// Sends and checks keep-alives; about once a second.
    [[nodiscard]] Status tick();
    [[nodiscard]] bool wants_write() const;

    /// Hands a message to the library, which keeps QoS 1 and 2 messages over reconnects until they
    /// are acknowledged. Returns its packet id. An error means that it was not taken.
    [[nodiscard]] Result<int> publish(const MqttMessage& message);
    [[nodiscard]] Result<int> subscribe(const std::string& filter, int qos);
    /// Sends DISCONNECT, so that the will is not published, and closes the library's end.
    void disconnect();

private:
    struct Impl;
    explicit MqttHandle(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// The error a reason code stands for; success below 128.
[[nodiscard]] Status status_from_reason(std::string_view what, int reason);

}  // namespace strandline::net
