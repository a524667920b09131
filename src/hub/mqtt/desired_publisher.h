#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "fleet/desired_store.h"
#include "hub/mqtt/mqtt_topics.h"
#include "net/mqtt_client.h"
#include "net/runtime.h"

namespace strandline::hub {

/// What is published for a desired state: the envelope itself, or a pointer when it is too large
/// for MQTT.
[[nodiscard]] std::string desired_payload(const fleet::DesiredRecord& record);

/// Keeps the retained desired state of every device at the broker equal to the database: publishes
/// what is marked unpublished, clears what belongs to removed devices, and everything once more
/// when the broker may have forgotten. Level-triggered: a lost wake-up or a crash only delays. I/O
/// thread, but wake() from any.
class DesiredPublisher {
public:
    DesiredPublisher(net::Runtime& runtime, fleet::DesiredStore& store, net::MqttClient& client,
                     MqttTopics topics, Metrics& metrics);

    /// Something changed. Thread-safe.
    void wake();
    /// The broker knows nothing of the last session: publish all again.
    void publish_all();
    [[nodiscard]] boost::asio::awaitable<void> run();
    void stop();

private:
    [[nodiscard]] net::Task<void> pass();
    [[nodiscard]] net::Task<void> publish_everything();
    [[nodiscard]] net::Task<bool> publish_changed();
    [[nodiscard]] net::Task<bool> clear_removed();
    [[nodiscard]] net::Task<void> publish_batch(const std::vector<fleet::DesiredRecord>& records);
    [[nodiscard]] net::Task<void> send(const std::vector<net::MqttMessage>& messages);

    net::Runtime* runtime_;
    fleet::DesiredStore* store_;
    net::MqttClient* client_;
    MqttTopics topics_;
    net::Signal signal_;
    bool everything_ = false;
    bool stopping_ = false;
    Counter* published_;
};

}  // namespace strandline::hub
