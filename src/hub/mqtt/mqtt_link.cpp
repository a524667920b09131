#include "hub/mqtt/mqtt_link.h"

#include <utility>

#include "base/ids.h"
#include "base/log.h"

namespace strandline::hub {

MqttLink::MqttLink(const MqttLinkParts& parts, std::unique_ptr<net::MqttClient> client)
    : runtime_(&parts.runtime),
      config_(&parts.config),
      topics_(parts.config.mqtt.root),
      client_(std::move(client)),
      publisher_(parts.runtime, parts.domain.desired, *client_, topics_, parts.metrics),
      ingest_(parts.runtime, parts.domain, parts.metrics, parts.config.mqtt.max_ingest),
      ended_(parts.runtime.executor()) {}

Result<std::unique_ptr<MqttLink>> MqttLink::create(const MqttLinkParts& parts,
                                                   net::MqttOptions options) {
    TRY(auto client, net::MqttClient::create(parts.runtime, std::move(options)));
    std::unique_ptr<MqttLink> link(new MqttLink(parts, std::move(client)));
    link->subscribe();
    return link;
}

void MqttLink::subscribe() {
    client_->on_connected([this](bool session_present) { greet(session_present); });
    client_->on_disconnected([this](const Error& error) {
        connected_ = false;
        if (error.code == Errc::cancelled) return;  // by ourselves
        log_warn("mqtt disconnected reason=\"{}\"", error.message);
    });
    const auto handler = [this](const net::MqttMessage& message) { take(message); };
    // Not shared: retained messages come only to plain subscriptions, and they tell who came and
    // went while this hub was away.
    client_->subscribe(topics_.all_states(), 1, handler);
    client_->subscribe(topics_.shared_reports(), 1, handler);
    ingest_.on_outcome = [this](const IngestOutcome& outcome) {
        if (outcome.desired_changed) publisher_.wake();
        if (outcome.deltas_wanted) on_deltas_wanted();
        for (const auto& device : outcome.unknown) forget(device);
    };
}

void MqttLink::start() {
    runtime_->spawn(counted(publisher_.run()));
    runtime_->spawn(counted(ingest_.run()));
    client_->start();
}

boost::asio::awaitable<void> MqttLink::counted(boost::asio::awaitable<void> task) {
    ++running_;
    co_await std::move(task);
    --running_;
    ended_.notify();
}

boost::asio::awaitable<void> MqttLink::stop(Deadline deadline) {
    publisher_.stop();
    ingest_.stop();
    co_await client_->stop(deadline);
    connected_ = false;
    while (running_ > 0 && !deadline.passed()) co_await ended_.wait(deadline);
}

void MqttLink::take(const net::MqttMessage& message) {
    if (message.payload.empty()) return;  // a cleared retained message
    auto upward = topics_.parse(message.topic);
    if (!upward) return;
    const auto verdict =
        guard_.take(upward->device, message.payload.size(), system_clock().steady());
    if (verdict == FloodGuard::Verdict::flood) on_flood(upward->device);
    if (verdict != FloodGuard::Verdict::fine) return;
    ingest_.push({.device = std::move(upward->device),
                  .name = std::move(upward->name),
                  .payload = message.payload});
}

void MqttLink::greet(bool session_present) {
    connected_ = true;
    log_info("mqtt connected session_present={}", session_present);
    net::MqttMessage message;
    message.topic = topics_.announce();
    message.payload = announcement(config_->mqtt);
    message.retain = true;
    const auto sent = client_->publish(std::move(message));
    if (!sent) log_warn("announcement not sent: {}", sent.error().message);
    // A broker that kept our session kept its retained messages; the first time nobody knows.
    if (!session_present || !std::exchange(greeted_, true)) publisher_.publish_all();
    publisher_.wake();
}

void MqttLink::command(const std::string& device, const std::string& name) {
    constexpr std::chrono::seconds expiry{60};
    net::MqttMessage message;
    message.topic = topics_.command(device, name);
    message.payload = "{}";
    message.expiry = expiry;
    message.correlation_data = make_id("cmd");
    post(std::move(message));
}

void MqttLink::publish(const std::string& topic, const std::string& payload) {
    net::MqttMessage message;
    message.topic = topic;
    message.payload = payload;
    post(std::move(message));
}

void MqttLink::post(net::MqttMessage message) {
    runtime_->post([this, message = std::move(message)]() mutable {
        const auto topic = message.topic;
        const auto sent = client_->publish(std::move(message));
        if (!sent) log_warn("message not sent topic={}: {}", topic, sent.error().message);
    });
}

// A device that was removed, or whose state outlived a reset of the database.
void MqttLink::forget(const std::string& device) {
    for (const auto& topic : {topics_.state(device), topics_.desired(device)}) {
        net::MqttMessage message;
        message.topic = topic;
        message.retain = true;
        ignore(client_->publish(std::move(message)), "the next hub start meets the message again");
    }
    log_info("retained messages of an unknown device cleared device={}", device);
}

}  // namespace strandline::hub
