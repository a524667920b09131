#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/backoff.h"
#include "net/runtime.h"

namespace strandline::net {

struct MqttMessage {
    std::string topic;
    std::string payload;
    int qos = 1;  ///< 0 or 1
    bool retain = false;
    std::optional<std::chrono::seconds> expiry;
    std::string content_type;
    std::string response_topic;
    std::string correlation_data;
    std::vector<std::pair<std::string, std::string>> user_properties;
};

struct MqttWill {
    std::string topic;
    std::string payload;
    bool retain = true;
    std::chrono::seconds delay{30};
};

struct MqttOptions {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8883;
    std::string client_id;
    /// Mutual TLS with these files; `tls = false` is for plain listeners on loopback only.
    bool tls = true;
    std::string ca_file;
    std::string certificate_file;
    std::string key_file;
    /// Judge the end of the broker's certificate at this lower bound of the time instead of the
    /// machine's clock (time floor); asked before each connection.
    std::function<std::optional<WallTime>()> verify_time;
    std::optional<MqttWill> will;
    std::chrono::seconds session_expiry{3600};
    std::chrono::seconds keepalive{30};
    /// Messages waiting for the broker; one more is `exhausted`.
    std::size_t max_outbox = 1000;
    /// From the start of a connection to its CONNACK, and from SUBSCRIBE to its SUBACK.
    std::chrono::milliseconds connect_timeout{15'000};
    /// Of a received packet; the broker drops larger ones.
    std::size_t max_packet_bytes = std::size_t{1} << 20;
    std::chrono::milliseconds backoff_base{250};
    std::chrono::milliseconds backoff_cap{30'000};
    /// An extra wait, uniform in [0, window], before the first reconnect after a lost connection;
    /// asked for each time, so the fleet's announcement can change it.
    std::function<std::chrono::milliseconds()> reconnect_window;
};

/// MQTT 5 client on libmosquitto, driven by the runtime's event loop. Belongs to the I/O thread.
/// Messages of one topic are handled in the order the broker sent them. Reconnects by itself with
/// full jitter, subscribes again, and sends unacknowledged QoS 1 messages again. A received QoS 1
/// message is acknowledged before its handlers run. Destroy it before the runtime; destruction
/// without stop() looks like a lost connection to the broker, so the will is published.
class MqttClient {
public:
    using MessageHandler = std::function<void(const MqttMessage&)>;

    [[nodiscard]] static Result<std::unique_ptr<MqttClient>> create(Runtime& runtime,
                                                                    MqttOptions options);
    ~MqttClient();

    /// Before start(). `connected` is called after each CONNACK, `disconnected` with the reason
    /// after each connection that ended or could not be made.
    void on_connected(std::function<void(bool session_present)> callback);
    void on_disconnected(std::function<void(const Error&)> callback);

    void start();
    /// Sends DISCONNECT (the will is not published) after what is queued, until the deadline.
    [[nodiscard]] boost::asio::awaitable<void> stop(Deadline deadline);

    /// Kept over reconnects. A message goes to every matching subscription's handler. A shared
    /// subscription is written `$share/GROUP/FILTER`. `qos` is 0 or 1.
    void subscribe(std::string filter, int qos, MessageHandler handler);

    /// Queues the message. `exhausted` when the outbox is full, `invalid` for QoS 2.
    [[nodiscard]] Status publish(MqttMessage message);
    /// Resolves when the broker acknowledged (QoS 0: when it was written); a refusal (ACL) is
    /// `forbidden`. After `timeout` a message that was not sent yet is taken back.
    [[nodiscard]] Task<void> publish_and_wait(MqttMessage message, Deadline deadline);

    [[nodiscard]] bool connected() const;
    [[nodiscard]] std::size_t outbox() const;
    /// Drops the connection and connects again with new certificate files.
    void reconnect();

private:
    struct Impl;
    explicit MqttClient(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;  // shared with its coroutines, which end after it
};

/// True when `topic` matches `filter` (MQTT 5 section 4.7, with the `$` rule).
[[nodiscard]] bool topic_matches(std::string_view filter, std::string_view topic);

}  // namespace strandline::net
