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
        updater->reconcile(true);
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
        const auto delay =
            spread_delay(identity.address.device, desired->generation() + 1, announced.spread);
        const auto until = Deadline::after(delay);
        while (!until.passed() && !tasks.stopping() && !desired_message)
            co_await tasks.wait(hub_news, until);
        co_return co_await poll();
    }
    CO_TRY(auto envelope, trust::envelope_from_json(payload));
    co_return co_await accept(std::move(envelope));
}

boost::asio::awaitable<void> AgentParts::handle_news() {
    if (auto payload = std::exchange(desired_message, std::nullopt)) {
        const auto seen = co_await look_at_message(std::move(*payload));
        if (!seen) log_warn("desired state not taken error=\"{}\"", seen.error().message);
    }
    if (!std::exchange(refresh_keys, false)) co_return;
    const auto refreshed = co_await keys->refresh();
    if (!refreshed) log_warn("key set not fetched error=\"{}\"", refreshed.error().message);
}

boost::asio::awaitable<void> AgentParts::follow_hub() {
    Backoff backoff(options.config.transfer.retry_base,
                    milliseconds{options.config.hub.poll_interval}, *options.random);
    auto due = Deadline::after(milliseconds{0});
    while (!tasks.stopping()) {
        co_await handle_news();
        if (due.passed()) {
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
        if (!desired_message && !refresh_keys) co_await tasks.wait(hub_news, due);
    }
}

}  // namespace strandline::agent
