#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>

#include "base/log.h"
#include "net/mqtt_client_impl.h"

namespace strandline::net {
namespace {

using Descriptor = asio::posix::stream_descriptor;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t max_window = 200;
constexpr int max_reads_per_turn = 64;
constexpr std::chrono::milliseconds tick_online{1'000};
constexpr std::chrono::milliseconds tick_handshake{100};
constexpr std::chrono::milliseconds verdict_wait{1'000};
/// A connection that lasted this long was a good one: the next loss starts with short waits again.
constexpr std::chrono::seconds stable_after{5};

bool readable_now(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

}  // namespace

void MqttClient::Impl::finish(Error error) {
    if (end) return;
    end = std::move(error);
    if (descriptor) {
        boost::system::error_code ignored;
        descriptor->cancel(ignored);
    }
}

/// Calls the library and follows up on what that made possible.
void MqttClient::Impl::step(Status (MqttHandle::*function)()) {
    if (end) return;
    calling = true;
    auto status = (handle.get()->*function)();
    calling = false;
    if (!status) finish(std::move(status).error());
}

void MqttClient::Impl::after_call() {
    if (end || !descriptor) return;
    calling = true;
    if (phase == Phase::online) outbox.pump(*handle, window);
    calling = false;
    // During the handshake the library asks to write without end; ticks cover that.
    if (phase == Phase::online && !writing && handle->wants_write()) {
        writing = true;
        runtime.spawn(writes(shared_from_this(), generation));
    }
    if (outbox.size() == 0) changed.notify();
}

/// In TLS 1.3 the broker judges our certificate after the handshake has ended for us. Were CONNECT
/// on its way by then, the broker would answer with a reset that can overtake its reason. So
/// CONNECT waits for the broker's next word (session tickets or an alert), or a while for brokers
/// that say nothing.
void MqttClient::Impl::shake_hands(bool woken) {
    const bool was_settled = handle->settled();
    step(&MqttHandle::read);
    if (end || phase != Phase::connecting || !handle->settled()) return;
    if (!was_settled) verdict_until = Deadline::after(verdict_wait);
    const bool heard = was_settled && woken;
    if (heard || !handle->awaits_verdict() || verdict_until.passed()) step(&MqttHandle::write);
}

void MqttClient::Impl::read_some(bool woken) {
    for (int i = 0; i < max_reads_per_turn && !end; ++i) {
        if (phase == Phase::connecting) {
            shake_hands(woken);
        } else {
            step(&MqttHandle::read);
        }
        if (end || !readable_now(descriptor->native_handle())) break;
        woken = true;
    }
    after_call();
}

asio::awaitable<void> MqttClient::Impl::writes(std::shared_ptr<Impl> self, unsigned of) {
    while (self->alive(of) && self->handle->wants_write()) {
        co_await self->descriptor->async_wait(Descriptor::wait_write, as_result);
        if (!self->alive(of)) break;
        self->step(&MqttHandle::write);
    }
    if (of != self->generation) co_return;
    self->writing = false;
    self->after_call();
}

asio::awaitable<void> MqttClient::Impl::ticks(std::shared_ptr<Impl> self, unsigned of) {
    while (self->alive(of)) {
        const bool online = self->phase == Phase::online;
        co_await sleep_for(online ? tick_online : tick_handshake);
        if (!self->alive(of)) co_return;
        if (self->phase == Phase::online) {
            self->step(&MqttHandle::tick);
            if (self->is_deaf()) self->finish(self->answer_timeout("SUBSCRIBE"));
            self->after_call();
        } else if (self->handshake_until.passed()) {
            self->finish(self->answer_timeout("CONNECT"));
        } else {
            self->read_some(false);
        }
    }
}

Error MqttClient::Impl::answer_timeout(std::string_view question) const {
    return fail(Errc::timeout,
                fmt::format("MQTT {}:{}: no answer to {} within {} ms", options.host, options.port,
                            question, options.connect_timeout.count()));
}

/// Online, but what we asked to hear was never confirmed.
bool MqttClient::Impl::is_deaf() const {
    return !unconfirmed.empty() &&
           system_clock().steady() - std::max(online_since, subscribed_at) >=
               options.connect_timeout;
}

asio::awaitable<void> MqttClient::Impl::serve() {
    // A duplicate, because the library closes its socket whenever it likes, and the number may be
    // in use again before the event loop hears of it.
    const int copy = ::fcntl(handle->socket(), F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        finish(error_from_errno("MQTT: duplicate the socket", errno));
        co_return;
    }
    descriptor.emplace(runtime.executor(), copy);
    runtime.spawn(ticks(shared_from_this(), generation));
    co_await descriptor->async_wait(Descriptor::wait_write, as_result);
    if (!end) {
        if (auto made = handle->check_connect(); !made) finish(std::move(made).error());
    }
    if (!end) read_some(true);
    while (!end) {
        co_await descriptor->async_wait(Descriptor::wait_read, as_result);
        if (!end) read_some(true);
    }
}

/// One connection from its beginning to its end; `end` says why.
asio::awaitable<void> MqttClient::Impl::connect_once() {
    ++generation;
    end.reset();
    writing = false;
    at_once = false;
    unconfirmed.clear();
    phase = Phase::connecting;
    handshake_until = Deadline::after(options.connect_timeout);
    // `self` keeps the handle alive should the program end during a slow name lookup.
    std::optional<WallTime> judged_at;
    if (options.verify_time) judged_at = options.verify_time();
    std::function<Status()> work = [self = shared_from_this(), judged_at] {
        return self->handle->begin_connect(judged_at);
    };
    auto begun = co_await runtime.offload<void>(std::move(work));
    if (stopping) {
        finish(fail(Errc::cancelled, "MQTT: stopping"));
    } else if (at_once) {
        finish(fail(Errc::cancelled, "MQTT: reconnecting on request"));
    } else if (!begun) {
        finish(std::move(begun).error());
    } else {
        co_await serve();
    }
    handle->cut();
    descriptor.reset();
}

asio::awaitable<void> MqttClient::Impl::pause(bool was_online) {
    phase = Phase::pausing;
    auto wait = backoff.next();
    if (was_online && options.reconnect_window) {
        const auto span = std::max(options.reconnect_window(), std::chrono::milliseconds{0});
        wait += std::chrono::milliseconds{static_cast<std::int64_t>(
            system_random().below(static_cast<std::uint64_t>(span.count()) + 1))};
    }
    const auto until = Deadline::after(wait);
    while (!stopping && !at_once && !until.passed()) co_await wake.wait(until);
}

void MqttClient::Impl::report_end(const Error& error, bool was_online) {
    const bool news = was_online || error.message != last_problem;
    last_problem = error.message;
    if (!stopping) {
        log_at(news ? LogLevel::warn : LogLevel::debug, "mqtt disconnected client={} reason={}",
               options.client_id, error.message);
    }
    if (disconnected_callback) disconnected_callback(error);
}

asio::awaitable<void> MqttClient::Impl::run(std::shared_ptr<Impl> self) {
    while (!self->stopping) {
        co_await self->connect_once();
        const bool was_online = self->phase == Phase::online;
        if (was_online && system_clock().steady() - self->online_since >= stable_after) {
            self->backoff.reset();
        }
        self->phase = Phase::pausing;
        const bool wanted = self->at_once;
        self->report_end(*self->end, was_online);
        self->changed.notify();
        if (!self->stopping && !wanted) co_await self->pause(was_online);
    }
    self->phase = Phase::idle;
    self->running = false;
    self->changed.notify();
}

void MqttClient::Impl::on_connected(const MqttSession& session) {
    phase = Phase::online;
    online_since = system_clock().steady();
    last_problem.clear();
    window = std::clamp<std::size_t>(session.receive_maximum, 1, max_window);
    log_info("mqtt connected client={} host={} port={} session={}", options.client_id, options.host,
             options.port, session.present ? "resumed" : "new");
    for (const auto& subscription : subscriptions) send_subscribe(*subscription);
    if (connected_callback) connected_callback(session.present);
}

void MqttClient::Impl::on_message(const MqttMessage& message) {
    // By index: a handler may subscribe, and the list then moves, or destroy the client.
    const std::size_t count = subscriptions.size();
    for (std::size_t i = 0; i < std::min(count, subscriptions.size()); ++i) {
        const auto subscription = subscriptions[i];
        if (topic_matches(subscription->match, message.topic)) subscription->handler(message);
    }
}

void MqttClient::Impl::on_subscribed(int id, int reason) {
    const auto found = unconfirmed.find(id);
    if (found == unconfirmed.end()) return;
    const auto status = status_from_reason("subscribe to " + found->second, reason);
    if (!status) log_warn("mqtt subscription refused reason={}", status.error().message);
    unconfirmed.erase(found);
}

void MqttClient::Impl::send_subscribe(const MqttSubscription& subscription) {
    const auto id = handle->subscribe(subscription.filter, subscription.qos);
    if (id) {
        subscribed_at = system_clock().steady();
        unconfirmed[*id] = subscription.filter;
    } else {
        log_warn("mqtt subscription failed reason={}", id.error().message);
    }
}

void MqttClient::Impl::close_for_good() {
    closing = true;
    stopping = true;
    if (phase == Phase::connecting || phase == Phase::online) {
        finish(fail(Errc::cancelled, "MQTT: stopping"));
    }
    wake.notify();
}

}  // namespace strandline::net
