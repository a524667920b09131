#include <algorithm>
#include <utility>

#include "agent/agent_parts.h"
#include "base/backoff.h"
#include "base/log.h"

// How the agent hears of news: the broker tells, polling heals what was lost.
namespace strandline::agent {
namespace {

using std::chrono::milliseconds;

// A fleet that polls in step would be a herd.
constexpr double jitter = 0.2;
// A broker that floods us must not make us flood the hub, the processor or the log.
constexpr milliseconds message_gap{100};
constexpr milliseconds pointer_gap{5'000};
constexpr milliseconds refresh_gap{10'000};

}  // namespace

milliseconds AgentParts::next_poll() {
    const auto interval =
        announced.poll_interval.value_or(milliseconds{options.config.hub.poll_interval});
    const double factor = 1.0 - jitter + 2 * jitter * options.random->uniform();
    return milliseconds{static_cast<std::int64_t>(static_cast<double>(interval.count()) * factor)};
}

net::Task<void> AgentParts::accept(trust::Envelope envelope) {
    const auto fresh = co_await desired->accept(std::move(envelope));
    if (!fresh) co_return fresh.error();
    if (*fresh) {
        updater->reconcile(true, announced.spread);
        reporter->changed();
    }
    co_return Status{};
}

net::Task<void> AgentParts::poll() {
    auto envelope = co_await hub->desired(desired->generation());
    if (!envelope) co_return std::move(envelope).error();
    if (!*envelope) co_return Status{};
    co_return co_await accept(std::move(**envelope));
}

net::Task<void> AgentParts::look_at_message(std::string payload) {
    if (payload.empty()) co_return Status{};  // the hub forgot us; what we have stays
    CO_TRY(const bool pointer, is_desired_pointer(payload));
    if (pointer) {
        if (pointer_due) co_return Status{};  // already noticed
        const auto delay =
            spread_delay(identity.address.device, desired->generation() + 1, announced.spread);
        const auto spread = Deadline::after(delay);
        pointer_due = spread.at() < next_pointer.at() ? next_pointer : spread;
        co_return Status{};
    }
    CO_TRY(auto envelope, trust::envelope_from_json(payload));
    co_return co_await accept(std::move(envelope));
}

boost::asio::awaitable<void> AgentParts::handle_news() {
    if (desired_message && next_message.passed()) {
        next_message = Deadline::after(message_gap);
        auto payload = std::exchange(desired_message, std::nullopt);
        const auto seen = co_await look_at_message(std::move(*payload));
        if (!seen) log_warn("desired state not taken error=\"{}\"", seen.error().message);
    }
    if (!refresh_keys || !next_refresh.passed()) co_return;
    refresh_keys = false;
    next_refresh = Deadline::after(refresh_gap);
    const auto refreshed = co_await keys->refresh();
    if (!refreshed) log_warn("key set not fetched error=\"{}\"", refreshed.error().message);
}

/// By the clock, or because a message pointed to something new.
bool AgentParts::poll_is_due(Deadline poll_due) {
    const bool pointed = pointer_due && pointer_due->passed();
    if (!pointed && !poll_due.passed()) return false;
    pointer_due.reset();
    next_pointer = Deadline::after(pointer_gap);
    return true;
}

/// When there may be something to do, unless news wake us before.
Deadline AgentParts::next_look(Deadline poll_due) const {
    auto next = poll_due;
    if (pointer_due) next = next.earlier(*pointer_due);
    if (desired_message) next = next.earlier(next_message);
    if (refresh_keys) next = next.earlier(next_refresh);
    return next;
}

boost::asio::awaitable<void> AgentParts::follow_hub() {
    Backoff backoff(options.config.transfer.retry_base,
                    milliseconds{options.config.hub.poll_interval}, *options.random);
    auto due = Deadline::after(milliseconds{0});
    while (!tasks.stopping()) {
        co_await handle_news();
        if (poll_is_due(due)) {
            const auto polled = co_await poll();
            auto wait = next_poll();
            if (polled) {
                backoff.reset();
            } else {
                log_warn("poll failed error=\"{}\"", polled.error().message);
                wait =
                    std::max(backoff.next(), polled.error().retry_after.value_or(milliseconds{0}));
            }
            due = Deadline::after(wait);
        }
        const auto next = next_look(due);
        if (!next.passed()) co_await tasks.wait(hub_news, next);
    }
}

}  // namespace strandline::agent
