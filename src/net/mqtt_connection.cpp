#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/mqtt_client_impl.h"

namespace strandline::net {
namespace {

constexpr std::size_t max_window = 200;
constexpr std::size_t piece_bytes = 16 * 1024;  // a TLS record
/// After so many the other clients have their turn.
constexpr int max_pieces_per_turn = 16;
constexpr std::chrono::milliseconds tick{1'000};
/// For the broker's reason to come in, when it takes no more of ours.
constexpr std::chrono::milliseconds last_words{1'000};
/// A connection that lasted this long was a good one: the next loss starts with short waits again.
constexpr std::chrono::seconds stable_after{5};

bool readable_now(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

bool would_block(int error_number) { return error_number == EAGAIN || error_number == EINTR; }

}  // namespace

std::string MqttClient::Impl::name() const {
    return fmt::format("MQTT {}:{}", options.host, options.port);
}

void MqttClient::Impl::finish(Error error) {
    if (end) return;
    end = farewell ? *farewell : std::move(error);
    if (link) link->stream.interrupt(*end);
}

/// The network ended the connection.
void MqttClient::Impl::lose(Error error) {
    if (link->unsent && error.code == Errc::timeout) error = *link->unsent;
    const bool early = phase == Phase::connecting;
    if (early && error.code == Errc::timeout) return finish(answer_timeout("CONNECT"));
    if (early && error.code == Errc::unavailable && options.tls) {
        error.message += "; it may refuse our certificate";
    }
    finish(context(name(), std::move(error)));
}

/// Ends the connection in good order: the library sends DISCONNECT and closes its end, and the
/// sender follows.
void MqttClient::Impl::leave(Error reason, Deadline until) {
    farewell = std::move(reason);
    link->stream.set_deadline(until);
    handle->disconnect();
    after_call();
}

/// Calls the library and follows up on what that made possible.
void MqttClient::Impl::step(Status (MqttHandle::*function)()) {
    if (end) return;
    calling = true;
    auto status = (handle.get()->*function)();
    calling = false;
    if (!status) finish(std::move(status).error());
}

/// Lets the library write what waits, and gives it more.
void MqttClient::Impl::refill() {
    if (handle->wants_write()) step(&MqttHandle::write);
    calling = true;
    if (connected()) outbox.pump(*handle, window);
    calling = false;
}

void MqttClient::Impl::after_call() {
    if (end || !link || !link->local) return;
    refill();
    if (!end && !link->sending && readable_now(link->local.get())) {
        link->sending = true;
        runtime.spawn(sends(shared_from_this(), link));
    }
    if (outbox.size() == 0) changed.notify();
}

/// From the library to the broker, as long as there is something.
asio::awaitable<void> MqttClient::Impl::sends(std::shared_ptr<Impl> self,
                                              std::shared_ptr<MqttLink> of) {
    std::array<std::byte, piece_bytes> piece;
    while (self->alive(*of)) {
        const auto size = ::recv(of->local.get(), piece.data(), piece.size(), MSG_DONTWAIT);
        if (size < 0 && would_block(errno)) break;
        if (size <= 0) {
            self->finish(fail(Errc::cancelled, self->name() + ": disconnected"));
            break;
        }
        const std::array pieces{ByteSpan(piece).first(static_cast<std::size_t>(size))};
        const auto sent = co_await of->stream.write(pieces);
        if (!sent) {
            // The broker may have said why; that is for the receiving side.
            of->unsent = sent.error();
            of->stream.set_deadline(Deadline::after(last_words));
            co_return;
        }
        if (self->alive(*of)) self->refill();
    }
    of->sending = false;
}

/// Gives the library whole packets; false when it wants no more. It takes them at once, so that
/// nothing is kept between.
bool MqttClient::Impl::hand_over(ByteSpan packets) {
    while (!packets.empty()) {
        const auto sent =
            ::send(link->local.get(), packets.data(), packets.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && !would_block(errno)) return false;
        if (sent > 0) packets = packets.subspan(static_cast<std::size_t>(sent));
        while (!end && handle->readable()) step(&MqttHandle::read);
        if (end || !handle->is_open()) return false;
    }
    return true;
}

/// From the broker to the library; false when there was nothing.
bool MqttClient::Impl::receive() {
    std::array<std::byte, piece_bytes> piece;
    const auto size = link->stream.read_now(piece);
    if (size && !*size) return false;
    if (!size) {
        lose(size.error());
        return false;
    }
    if (**size == 0) {
        lose(fail(Errc::unavailable, "the broker closed the connection"));
        return false;
    }
    const auto bytes = ByteSpan(piece).first(**size);
    const auto fed =
        link->frames.feed(bytes, [this](ByteSpan packets) { return hand_over(packets); });
    if (!fed) finish(context(name(), fed.error()));
    after_call();
    return !end;
}

asio::awaitable<void> MqttClient::Impl::ticks(std::shared_ptr<Impl> self,
                                              std::shared_ptr<MqttLink> of) {
    while (self->alive(*of)) {
        co_await sleep_for(tick);
        if (!self->alive(*of)) co_return;
        if (!self->connected()) continue;
        self->step(&MqttHandle::tick);
        if (self->is_deaf()) self->finish(self->answer_timeout("SUBSCRIBE"));
        self->after_call();
    }
}

Error MqttClient::Impl::answer_timeout(std::string_view question) const {
    return fail(Errc::timeout, fmt::format("{}: no answer to {} within {} ms", name(), question,
                                           options.connect_timeout.count()));
}

/// Online, but what we asked to hear was never confirmed.
bool MqttClient::Impl::is_deaf() const {
    return !unconfirmed.empty() &&
           system_clock().steady() - std::max(online_since, subscribed_at) >=
               options.connect_timeout;
}

asio::awaitable<void> MqttClient::Impl::serve() {
    link->stream.set_deadline(connect_until);
    runtime.spawn(ticks(shared_from_this(), link));
    after_call();  // CONNECT waits to be sent
    for (int pieces = 0; !end;) {
        if (receive()) {
            if (++pieces % max_pieces_per_turn == 0) {
                co_await asio::post(runtime.executor(), asio::use_awaitable);
            }
            continue;
        }
        if (end) break;
        auto ready = co_await link->stream.wait_for_input();
        if (!ready && !end) lose(std::move(ready).error());
    }
}

/// One connection from its beginning to its end; `end` says why.
asio::awaitable<void> MqttClient::Impl::connect_once() {
    end.reset();
    farewell.reset();
    at_once = false;
    unconfirmed.clear();
    phase = Phase::connecting;
    connect_until = Deadline::after(options.connect_timeout);
    link = std::make_shared<MqttLink>(runtime.executor(), options.max_packet_bytes);
    auto reached = co_await dial();
    if (!reached && !end) lose(std::move(reached).error());
    if (!end) co_await serve();
    // Closed now: another coroutine may hold it a little longer.
    link->stream.close();
    link->local.reset();
    link.reset();
    if (handle->is_open()) ignore(handle->read(), "the library closes its end");
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
    link->stream.set_deadline(Deadline::never());
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
