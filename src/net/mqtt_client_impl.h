#pragma once

#include <map>
#include <vector>

#include "net/mqtt_client.h"
#include "net/mqtt_handle.h"
#include "net/mqtt_link.h"
#include "net/mqtt_outbox.h"

// Private to mqtt_client.cpp, mqtt_connection.cpp and mqtt_dial.cpp.
namespace strandline::net {

struct MqttSubscription {
    std::string filter;
    std::string match;  ///< `filter` without `$share/GROUP/`
    int qos = 1;
    MqttClient::MessageHandler handler;
};

/// Shared by the client and its coroutines, which may outlive it by one resumption.
struct MqttClient::Impl : std::enable_shared_from_this<MqttClient::Impl> {
    enum class Phase { idle, connecting, online, pausing };

    Impl(Runtime& runtime_in, MqttOptions options_in)
        : runtime(runtime_in),
          options(std::move(options_in)),
          outbox(options.max_outbox),
          backoff(options.backoff_base, options.backoff_cap),
          wake(runtime.executor()),
          changed(runtime.executor()) {}

    Runtime& runtime;
    MqttOptions options;
    std::unique_ptr<MqttHandle> handle;
    MqttOutbox outbox;
    Backoff backoff;
    Signal wake;     ///< ends a pause before a reconnect
    Signal changed;  ///< something that stop() waits for
    // Shared with a dispatch that is under way while a handler adds another one.
    std::vector<std::shared_ptr<const MqttSubscription>> subscriptions;
    std::map<int, std::string> unconfirmed;  ///< SUBSCRIBE packets by id
    std::function<void(bool)> connected_callback;
    std::function<void(const Error&)> disconnected_callback;

    Phase phase = Phase::idle;
    bool running = false;
    bool closing = false;   ///< takes no more messages
    bool stopping = false;  ///< makes no more connections
    bool at_once = false;   ///< reconnect() asked for a new connection
    bool calling = false;   ///< inside the library
    // Shared with the coroutine that sends, which may be in the middle of it when the next begins.
    std::shared_ptr<MqttLink> link;
    std::optional<Error> farewell;  ///< DISCONNECT is on its way, and why
    std::optional<Error> end;       ///< why the current connection ends
    Deadline connect_until = Deadline::never();
    std::size_t window = 0;
    SteadyTime online_since;
    SteadyTime subscribed_at;  ///< the last time
    std::string last_problem;

    static asio::awaitable<void> run(std::shared_ptr<Impl> self);
    static asio::awaitable<void> ticks(std::shared_ptr<Impl> self, std::shared_ptr<MqttLink> of);
    static asio::awaitable<void> sends(std::shared_ptr<Impl> self, std::shared_ptr<MqttLink> of);
    asio::awaitable<void> connect_once();
    asio::awaitable<Status> dial();
    asio::awaitable<Status> reach(Endpoint endpoint, std::shared_ptr<ssl_ctx_st> context,
                                  Deadline until);
    asio::awaitable<Status> secure(std::shared_ptr<ssl_ctx_st> context, Deadline until);
    asio::awaitable<void> serve();
    asio::awaitable<void> pause(bool was_online);

    [[nodiscard]] bool alive(const MqttLink& of) const { return link.get() == &of && !end; }
    [[nodiscard]] bool connected() const { return phase == Phase::online && !end && !farewell; }
    void finish(Error error);
    void lose(Error error);
    void leave(Error reason, Deadline until);
    void step(Status (MqttHandle::*function)());
    bool receive();
    bool hand_over(ByteSpan packets);
    void refill();
    void after_call();
    void on_connected(const MqttSession& session);
    void on_message(const MqttMessage& message);
    void on_subscribed(int id, int reason);
    void send_subscribe(const MqttSubscription& subscription);
    void report_end(const Error& error, bool was_online);
    [[nodiscard]] std::string name() const;
    [[nodiscard]] Error answer_timeout(std::string_view question) const;
    [[nodiscard]] bool is_deaf() const;
    void close_for_good();
};

}  // namespace strandline::net
