#include "net/mqtt_client.h"

#include <algorithm>
#include <fmt/core.h>
#include <tuple>

#include "base/log.h"
#include "net/mqtt_client_impl.h"
#include "net/mqtt_tls.h"

namespace strandline::net {
namespace {

constexpr std::string_view share_prefix = "$share/";
/// For DISCONNECT to get out, before the connection is dropped anyway.
constexpr std::chrono::milliseconds leave_wait{1'000};

/// The filter without `$share/GROUP/`.
std::string_view plain_filter(std::string_view filter) {
    if (!filter.starts_with(share_prefix)) return filter;
    const auto group_end = filter.find('/', share_prefix.size());
    return group_end == std::string_view::npos ? std::string_view{} : filter.substr(group_end + 1);
}

}  // namespace

MqttClient::MqttClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

MqttClient::~MqttClient() {
    impl_->connected_callback = nullptr;
    impl_->disconnected_callback = nullptr;
    impl_->subscriptions.clear();
    impl_->close_for_good();
    impl_->outbox.abandon(fail(Errc::cancelled, "the MQTT client is gone"));
}

Result<std::unique_ptr<MqttClient>> MqttClient::create(Runtime& runtime, MqttOptions options) {
    constexpr std::int64_t least_keepalive = 5;  // of libmosquitto
    constexpr std::int64_t most_keepalive = 65'535;
    const auto keepalive = options.keepalive.count();
    if (options.client_id.empty()) return fail(Errc::invalid, "MQTT: client_id is empty");
    if (options.host.empty()) return fail(Errc::invalid, "MQTT: host is empty");
    if (keepalive < least_keepalive || keepalive > most_keepalive) {
        return fail(Errc::invalid, fmt::format("MQTT: keepalive is {} s, must be {} to {}",
                                               keepalive, least_keepalive, most_keepalive));
    }
    if (options.tls) {
        TRY(std::ignore, load_mqtt_tls(options));  // tells now what cannot work
    }
    auto impl = std::make_shared<Impl>(runtime, std::move(options));
    MqttEvents events;
    Impl* const raw = impl.get();  // owns the handle that calls these
    events.connected = [raw](const MqttSession& session) { raw->on_connected(session); };
    events.message = [raw](const MqttMessage& message) { raw->on_message(message); };
    events.acknowledged = [raw](int id, int reason) { raw->outbox.acknowledge(id, reason); };
    events.subscribed = [raw](int id, int reason) { raw->on_subscribed(id, reason); };
    TRY(impl->handle, MqttHandle::create(impl->options, std::move(events)));
    return std::unique_ptr<MqttClient>(new MqttClient(std::move(impl)));
}

void MqttClient::on_connected(std::function<void(bool)> callback) {
    impl_->connected_callback = std::move(callback);
}

void MqttClient::on_disconnected(std::function<void(const Error&)> callback) {
    impl_->disconnected_callback = std::move(callback);
}

void MqttClient::start() {
    if (impl_->running || impl_->stopping) return;
    impl_->running = true;
    impl_->runtime.spawn(Impl::run(impl_));
}

asio::awaitable<void> MqttClient::stop(Deadline deadline) {
    const auto impl = impl_;
    if (impl->closing) co_return;
    impl->closing = true;
    const auto reachable = [&impl] {
        return impl->phase == Impl::Phase::connecting || impl->phase == Impl::Phase::online;
    };
    while (impl->outbox.size() > 0 && reachable() && !deadline.passed()) {
        co_await impl->changed.wait(deadline);
    }
    impl->stopping = true;
    if (impl->connected()) {
        impl->leave(fail(Errc::cancelled, "MQTT: stopping"), deadline);
        while (impl->phase == Impl::Phase::online && !impl->end && !deadline.passed()) {
            co_await impl->changed.wait(deadline);
        }
    }
    impl->close_for_good();
    while (impl->running && !deadline.passed()) co_await impl->changed.wait(deadline);
    impl->outbox.abandon(fail(Errc::cancelled, "the MQTT client was stopped"));
}

void MqttClient::subscribe(std::string filter, int qos, MessageHandler handler) {
    auto subscription = std::make_shared<MqttSubscription>();
    subscription->match = plain_filter(filter);
    subscription->filter = std::move(filter);
    subscription->qos = std::clamp(qos, 0, 1);
    subscription->handler = std::move(handler);
    impl_->subscriptions.push_back(subscription);
    if (!impl_->connected()) return;
    impl_->send_subscribe(*subscription);
    if (!impl_->calling) impl_->after_call();
}

Status MqttClient::publish(MqttMessage message) {
    if (impl_->closing) return fail(Errc::cancelled, "publish: the MQTT client is stopping");
    TRY(impl_->outbox.add(std::move(message), nullptr));
    if (!impl_->calling) impl_->after_call();
    return {};
}

Task<void> MqttClient::publish_and_wait(MqttMessage message, Deadline deadline) {
    const auto impl = impl_;
    if (impl->closing) co_return fail(Errc::cancelled, "publish: the MQTT client is stopping");
    const auto waiter = std::make_shared<MqttOutbox::Waiter>(impl->runtime.executor());
    const std::string topic = message.topic;
    CO_TRY(impl->outbox.add(std::move(message), waiter));
    if (!impl->calling) impl->after_call();
    while (!waiter->result && !deadline.passed()) co_await waiter->done.wait(deadline);
    if (waiter->result) co_return *waiter->result;
    impl->outbox.withdraw(*waiter);
    co_return fail(Errc::timeout, fmt::format("publish to {}: not acknowledged in time", topic));
}

bool MqttClient::connected() const { return impl_->connected(); }

std::size_t MqttClient::outbox() const { return impl_->outbox.size(); }

void MqttClient::reconnect() {
    if (impl_->stopping) return;
    impl_->at_once = true;
    auto reason = fail(Errc::cancelled, "MQTT: reconnecting on request");
    if (connected() && !impl_->calling) {
        impl_->leave(std::move(reason), Deadline::after(leave_wait));
    } else if (impl_->link && !impl_->farewell) {
        impl_->finish(std::move(reason));
    }
    impl_->wake.notify();
}

}  // namespace strandline::net
