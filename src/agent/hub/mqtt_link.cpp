#include "agent/hub/mqtt_link.h"

#include <utility>

#include "base/log.h"

namespace strandline::agent {
namespace {

constexpr std::chrono::seconds publish_timeout{10};
constexpr policy::TokenBucketOptions rate_options{.rate_per_second = 5, .burst = 50};

}  // namespace

MqttLink::MqttLink(std::string prefix, std::int64_t boot, Handlers handlers)
    : prefix_(std::move(prefix)),
      boot_(boot),
      handlers_(std::move(handlers)),
      rate_(rate_options, system_clock().steady()) {}

bool MqttLink::in_time() { return !rate_.try_take(1, system_clock().steady()); }

Result<std::unique_ptr<MqttLink>> MqttLink::create(net::Runtime& runtime, const HubAddress& address,
                                                   const std::filesystem::path& identity,
                                                   Session session, Handlers handlers) {
    auto link = std::unique_ptr<MqttLink>(new MqttLink(address.mqtt_root + "/d/" + address.device,
                                                       session.boot, std::move(handlers)));
    net::MqttOptions options;
    options.host = address.mqtt_host;
    options.port = address.mqtt_port;
    options.client_id = address.device;
    options.ca_file = (identity / "ca.pem").string();
    options.certificate_file = (identity / "cert.pem").string();
    options.key_file = (identity / "key.pem").string();
    // Reports are latest-state and desired is retained, so a long queue would only hold stale news.
    options.max_outbox = 16;
    options.connect_timeout = session.timeout;
    options.backoff_base = session.retry_base;
    options.backoff_cap = session.retry_cap;
    net::MqttWill will;
    will.topic = link->prefix_ + "/up/state";
    will.payload = presence_json("offline", session.boot);
    options.will = std::move(will);
    auto* raw = link.get();
    options.verify_time = raw->handlers_.verify_time;
    options.reconnect_window = [raw] { return raw->reconnect_window_; };
    TRY(link->client_, net::MqttClient::create(runtime, std::move(options)));
    link->subscribe(address.mqtt_root);
    return link;
}

net::MqttMessage MqttLink::presence(std::string_view state) const {
    net::MqttMessage message;
    message.topic = prefix_ + "/up/state";
    message.payload = presence_json(state, boot_);
    message.retain = true;
    message.content_type = "application/json";
    return message;
}

void MqttLink::subscribe(const std::string& root) {
    client_->on_connected([this](bool /*session_present*/) {
        log_info("broker connected");
        ignore(client_->publish(presence("online")), "the next connection says it again");
        if (handlers_.connected) handlers_.connected();
    });
    client_->on_disconnected([this](const Error& error) {
        log_warn("broker lost error=\"{}\"", error.message);
        if (handlers_.lost) handlers_.lost();
    });
    client_->subscribe(prefix_ + "/down/desired", 1, [this](const net::MqttMessage& message) {
        if (handlers_.desired) handlers_.desired(message.payload);
    });
    client_->subscribe(prefix_ + "/down/cmd/+", 1,
                       [this](const net::MqttMessage& message) { on_command(message); });
    client_->subscribe(root + "/b/announce", 1,
                       [this](const net::MqttMessage& message) { on_announce(message); });
}

void MqttLink::on_command(const net::MqttMessage& message) {
    if (!in_time()) return;
    const auto name = message.topic.substr(message.topic.rfind('/') + 1);
    log_info("command received name={}", name);
    if (handlers_.command) handlers_.command(name);
    if (message.response_topic.empty()) return;
    net::MqttMessage answer;
    answer.topic = message.response_topic;
    answer.correlation_data = message.correlation_data;
    answer.payload = "{}";
    answer.content_type = "application/json";
    ignore(client_->publish(std::move(answer)), "the asker's own deadline tells it");
}

void MqttLink::on_announce(const net::MqttMessage& message) {
    if (message.payload.empty() || !in_time()) return;  // empty: a cleared announcement
    const auto announcement = announcement_from_json(message.payload);
    if (!announcement) {
        log_warn("announcement refused error=\"{}\"", announcement.error().message);
        return;
    }
    log_info("announcement taken spread_ms={} reconnect_window_ms={}", announcement->spread.count(),
             announcement->reconnect_window.count());
    reconnect_window_ = announcement->reconnect_window;
    if (handlers_.announced) handlers_.announced(*announcement);
}

void MqttLink::start() { client_->start(); }

boost::asio::awaitable<void> MqttLink::stop(Deadline deadline) {
    if (client_->connected()) {
        auto message = presence("offline");
        const auto wait = deadline.earlier(Deadline::after(publish_timeout));
        ignore(co_await client_->publish_and_wait(std::move(message), wait),
               "the will tells it instead");
    }
    co_await client_->stop(deadline);
}

net::Task<void> MqttLink::send_report(std::string json) {
    net::MqttMessage message;
    message.topic = prefix_ + "/up/reported";
    message.payload = std::move(json);
    message.content_type = "application/json";
    co_return co_await client_->publish_and_wait(std::move(message),
                                                 Deadline::after(publish_timeout));
}

}  // namespace strandline::agent
