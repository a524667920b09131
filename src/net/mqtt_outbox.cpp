#include "net/mqtt_outbox.h"

#include <algorithm>
#include <fmt/core.h>

#include "base/log.h"

namespace strandline::net {
namespace {

void settle(const MqttOutbox::WaiterPtr& waiter, const std::string& topic, Status status) {
    if (waiter) {
        waiter->resolve(std::move(status));
    } else if (!status) {
        log_warn("publish refused topic={} reason={}", topic, status.error().message);
    }
}

}  // namespace

void MqttOutbox::Waiter::resolve(Status status) {
    result = std::move(status);
    done.notify();
}

Status MqttOutbox::add(MqttMessage message, WaiterPtr waiter) {
    if (message.qos < 0 || message.qos > 1) {
        return fail(Errc::invalid, fmt::format("publish to {}: QoS {} is not supported, use 0 or 1",
                                               message.topic, message.qos));
    }
    if (size() >= max_messages_) {
        return fail(Errc::exhausted,
                    fmt::format("publish to {}: {} messages already wait for the broker",
                                message.topic, size()));
    }
    queued_.push_back({std::move(message), std::move(waiter)});
    return {};
}

void MqttOutbox::pump(MqttHandle& handle, std::size_t window) {
    while (!queued_.empty() && in_flight_.size() < window && !handle.wants_write()) {
        Queued entry = std::move(queued_.front());
        queued_.pop_front();
        hand_over(handle, std::move(entry));
    }
}

void MqttOutbox::hand_over(MqttHandle& handle, Queued entry) {
    auto taken = handle.publish(entry.message);
    if (!taken) {
        settle(entry.waiter, entry.message.topic, std::move(taken).error());
    } else if (entry.message.qos == 0) {
        settle(entry.waiter, entry.message.topic, {});
    } else {
        in_flight_.insert_or_assign(
            *taken, InFlight{std::move(entry.message.topic), std::move(entry.waiter)});
    }
}

void MqttOutbox::acknowledge(int id, int reason) {
    const auto found = in_flight_.find(id);
    if (found == in_flight_.end()) return;
    const InFlight entry = std::move(found->second);
    in_flight_.erase(found);
    settle(entry.waiter, entry.topic, status_from_reason("publish to " + entry.topic, reason));
}

void MqttOutbox::withdraw(const Waiter& waiter) {
    const auto found = std::find_if(queued_.begin(), queued_.end(), [&waiter](const Queued& entry) {
        return entry.waiter.get() == &waiter;
    });
    if (found != queued_.end()) queued_.erase(found);
}

void MqttOutbox::abandon(const Error& error) {
    for (const auto& entry : queued_) {
        if (entry.waiter) entry.waiter->resolve(error);
    }
    for (const auto& [id, entry] : in_flight_) {
        if (entry.waiter) entry.waiter->resolve(error);
    }
    queued_.clear();
    in_flight_.clear();
}

}  // namespace strandline::net
