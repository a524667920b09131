#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "hub/hub_config.h"
#include "hub/mqtt/desired_publisher.h"
#include "hub/mqtt/flood_guard.h"
#include "hub/mqtt/ingest.h"
#include "net/mqtt_client.h"

namespace strandline::hub {

/// `b/announce`: how devices shall behave as a crowd.
[[nodiscard]] std::string announcement(const HubConfig::Mqtt& config);

struct MqttLinkParts {
    net::Runtime& runtime;
    Domain& domain;
    Metrics& metrics;
    const HubConfig& config;
};

/// The hub's MQTT session: publishes desired states, commands and the announcement, takes presence
/// and reports. I/O thread, except where said.
class MqttLink {
public:
    [[nodiscard]] static Result<std::unique_ptr<MqttLink>> create(const MqttLinkParts& parts,
                                                                  net::MqttOptions options);

    /// Called when reports ask for deltas.
    std::function<void()> on_deltas_wanted = [] {};
    /// Called when a device begins to send more than any of ours would; see FloodGuard.
    std::function<void(const std::string& device)> on_flood = [](const std::string&) {};

    void start();
    [[nodiscard]] boost::asio::awaitable<void> stop(Deadline deadline);

    /// Thread-safe.
    void desired_changed() { publisher_.wake(); }
    [[nodiscard]] bool connected() const { return connected_; }
    /// Asks a device for something (`report`, `keyset`), if it is there within a minute.
    /// Thread-safe.
    void command(const std::string& device, const std::string& name);
    /// Publishes a message outside the root, such as the legacy notice. Thread-safe.
    void publish(const std::string& topic, const std::string& payload);
    /// Uses new certificate files.
    void reconnect() { client_->reconnect(); }

private:
    MqttLink(const MqttLinkParts& parts, std::unique_ptr<net::MqttClient> client);
    void subscribe();
    void take(const net::MqttMessage& message);
    void greet(bool session_present);
    void forget(const std::string& device);
    void post(net::MqttMessage message);
    [[nodiscard]] boost::asio::awaitable<void> counted(boost::asio::awaitable<void> task);

    net::Runtime* runtime_;
    const HubConfig* config_;
    MqttTopics topics_;
    std::unique_ptr<net::MqttClient> client_;
    DesiredPublisher publisher_;
    Ingest ingest_;
    FloodGuard guard_;
    std::atomic<bool> connected_{false};
    bool greeted_ = false;
    int running_ = 0;  ///< coroutines that use this object
    net::Signal ended_;
};

}  // namespace strandline::hub
