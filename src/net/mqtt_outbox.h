#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "net/mqtt_client.h"
#include "net/mqtt_handle.h"

namespace strandline::net {

/// Messages on their way to the broker, in order: first waiting here, then handed over to the
/// library and waiting for their acknowledgement. Only as many are handed over as the broker takes
/// at once, so the library never queues, and the bound is exact.
class MqttOutbox {
public:
    /// Somebody who wants to know what became of a message.
    struct Waiter {
        explicit Waiter(const boost::asio::any_io_executor& executor) : done(executor) {}
        void resolve(Status status);

        Signal done;
        std::optional<Status> result;
    };
    // Shared between the waiting coroutine, which may give up, and the message.
    using WaiterPtr = std::shared_ptr<Waiter>;

    explicit MqttOutbox(std::size_t max_messages) : max_messages_(max_messages) {}

    /// `exhausted` when full.
    [[nodiscard]] Status add(MqttMessage message, WaiterPtr waiter);
    [[nodiscard]] std::size_t size() const { return queued_.size() + in_flight_.size(); }

    /// Hands messages over while fewer than `window` are unacknowledged and the socket takes them.
    void pump(MqttHandle& handle, std::size_t window);
    void acknowledge(int id, int reason);
    /// Takes back a message that was not handed over yet.
    void withdraw(const Waiter& waiter);
    /// Resolves every waiter with this error and forgets all messages.
    void abandon(const Error& error);

private:
    struct Queued {
        MqttMessage message;
        WaiterPtr waiter;
    };
    struct InFlight {
        std::string topic;
        WaiterPtr waiter;
    };
    void hand_over(MqttHandle& handle, Queued entry);

    std::size_t max_messages_;
    std::deque<Queued> queued_;
    std::unordered_map<int, InFlight> in_flight_;  ///< by packet id
};

}  // namespace strandline::net
