#include <utility>

#include "agent/states/states.h"
#include "base/log.h"

namespace strandline::agent {
namespace {

/// Loads the candidate beside what serves. Nothing to run it with is fine here.
boost::asio::awaitable<std::optional<Step>> load_candidate(UpdateContext& context) {
    auto& journal = context.journal();
    journal.load_attempts =
        0;  // of the old one; crashes of this load count as entries of the state
    auto loaded = co_await context.services.host.load(context.slot.name, *context.installed);
    if (loaded) {
        context.candidate = std::move(*loaded);
        journal.self_test = "passed";
        co_return std::nullopt;
    }
    if (loaded.error().code != Errc::unavailable)
        co_return Step::refuse("load_error", loaded.error().message);
    context.slot.not_serving_reason = loaded.error().message;
    co_return std::nullopt;
}

}  // namespace

boost::asio::awaitable<Step> switch_over(UpdateContext& context) {
    auto& slot = context.slot;
    if (!context.changed_active && slot.running) {
        auto& journal = context.journal();
        if (journal.unproven != context.order.manifest) co_return Step::go(UpdateState::report);
        // Ordered once more while it soaks: what is behind it counts, the rest is still to come.
        journal.unproven_deployment = context.order.deployment;
        co_return Step::go(UpdateState::soak);
    }
    if (auto stop = co_await load_candidate(context)) co_return *stop;

    auto next = slot.disk;
    next.pointer = pointer_after_switch(slot.disk, context.order.manifest);
    next.journal.forget_unproven();
    next.journal.unproven = context.order.manifest;
    next.journal.unproven_deployment = context.order.deployment;
    // The journal first: "unproven" says nothing before the pointer names the release.
    const auto noted = context.services.state.save_journal(slot.name, next.journal);
    if (!noted) co_return Step::disk(noted.error());
    const auto committed = context.services.state.save_pointer(slot.name, next.pointer);
    if (!committed) co_return Step::disk(committed.error());

    slot.disk = std::move(next);
    load_releases(context.services, slot);
    auto old = std::exchange(slot.running, std::move(context.candidate));
    slot.starts += 1;
    slot.active_since = context.services.clock.steady();
    if (slot.running) {
        slot.running->publish();
    } else {
        context.services.host.withdraw(slot.name, slot.not_serving_reason);
    }
    if (old) co_await old->stop();
    log_info("release active slot={} package={} version={} serving={}", slot.name,
             context.order.package, context.order.version, slot.running != nullptr);
    co_return Step::go(UpdateState::soak);
}

}  // namespace strandline::agent
