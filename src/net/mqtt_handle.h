#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

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

/// libmosquitto's client without any event loop: turns its C interface, its callbacks and its error
/// codes into ours. One thread at a time.
class MqttHandle {
public:
    [[nodiscard]] static Result<std::unique_ptr<MqttHandle>> create(const MqttOptions& options,
                                                                    MqttEvents events);
    ~MqttHandle();
    MqttHandle(const MqttHandle&) = delete;
    MqttHandle& operator=(const MqttHandle&) = delete;

    /// Looks up the name and starts a connection. Blocks for the lookup and for reading the
    /// certificate files, not for the network: call it on a worker. Unacknowledged messages stay.
    /// With `verify_time` the broker's certificate is judged at that time.
    [[nodiscard]] Status begin_connect(std::optional<WallTime> verify_time);
    /// The library owns it and closes it at any error; -1 without a connection.
    [[nodiscard]] int socket() const;

    /// Once the socket became writable for the first time: whether the connection was made.
    [[nodiscard]] Status check_connect() const;
    /// Whether the transport is ready for MQTT: always, but during a TLS handshake.
    [[nodiscard]] bool settled() const;
    /// Whether the broker may still refuse our certificate although the handshake ended for us.
    [[nodiscard]] bool awaits_verdict() const;
    /// Ends the transport at once, as if the network had.
    void cut();

    /// To be called when the socket is readable, and until the CONNACK also when it is writable.
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
    /// Sends DISCONNECT, so that the will is not published; the socket closes once it is written.
    void disconnect();

private:
    struct Impl;
    explicit MqttHandle(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// The error a reason code stands for; success below 128.
[[nodiscard]] Status status_from_reason(std::string_view what, int reason);

}  // namespace strandline::net
