#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "net/mqtt_client.h"

/// Ends a coroutine of a test that cannot go on without this.
#define CO_EXPECT(condition)                                                      \
    do {                                                                          \
        if (!(condition)) {                                                       \
            ADD_FAILURE() << #condition;                                          \
            co_return fail(Errc::internal, "the test cannot go on: " #condition); \
        }                                                                         \
    } while (false)

// For tests only.
namespace strandline::net {

/// A client that records what happens to it, and lets a coroutine wait for that.
class RecordingClient {
public:
    RecordingClient(Runtime& runtime, MqttOptions options) : changed_(runtime.executor()) {
        auto made = MqttClient::create(runtime, std::move(options));
        EXPECT_TRUE(made) << made.error().message;
        if (!made) return;
        client = std::move(*made);
        client->on_connected([this](bool present) {
            ++connects;
            session_present = present;
            changed_.notify();
        });
        client->on_disconnected([this](const Error& error) {
            errors.push_back(error);
            changed_.notify();
        });
    }

    void record(const std::string& filter, int qos = 1) {
        client->subscribe(filter, qos, [this](const MqttMessage& message) {
            messages.push_back(message);
            changed_.notify();
        });
    }

    /// Until `condition` holds; it is looked at after each event.
    asio::awaitable<bool> until(std::function<bool()> condition) {
        const auto deadline = Deadline::after(std::chrono::seconds{60});
        while (!condition() && !deadline.passed()) {
            // A short wait as well, for conditions that change without an event of this client.
            const auto next = Deadline::after(std::chrono::milliseconds{20});
            co_await changed_.wait(next.earlier(deadline));
        }
        co_return condition();
    }
    asio::awaitable<bool> until_connected() {
        std::function<bool()> condition = [this] { return client->connected(); };
        co_return co_await until(std::move(condition));
    }
    asio::awaitable<bool> until_received(std::size_t count) {
        std::function<bool()> condition = [this, count] { return messages.size() >= count; };
        co_return co_await until(std::move(condition));
    }
    asio::awaitable<void> stop() { return client->stop(Deadline::after(std::chrono::seconds{60})); }

    std::unique_ptr<MqttClient> client;
    std::vector<MqttMessage> messages;
    std::vector<Error> errors;
    int connects = 0;
    bool session_present = false;

private:
    Signal changed_;
};

inline MqttMessage text_message(std::string topic, std::string payload, int qos = 1) {
    MqttMessage message;
    message.topic = std::move(topic);
    message.payload = std::move(payload);
    message.qos = qos;
    return message;
}

}  // namespace strandline::net
