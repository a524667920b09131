#include <utility>

#include "agent/states/states.h"
#include "base/log.h"

namespace strandline::agent {
namespace {

trust::ReportedError failure_of(const UpdateContext& context) {
    return context.slot.disk.journal.failure.value_or(
        trust::ReportedError{"soak", "crashed", "the release was given up before its soak ended"});
}

}  // namespace

boost::asio::awaitable<Step> roll_back(UpdateContext& context) {
    auto& slot = context.slot;
    if (slot.disk.pointer.active == context.order.manifest) {
        const auto pointer = pointer_after_roll_back(slot.disk.pointer);
        const auto committed = context.services.state.save_pointer(slot.name, pointer);
        if (!committed) co_return Step::retry(committed.error());
        slot.disk.pointer = pointer;
        auto served = co_await serve_active(context.services, slot);
        // The failing one has ended by now, so there is more room, and its port is free.
        if (!served) served = co_await serve_active(context.services, slot);
        if (!served)
            log_error("previous release not loaded slot={} error=\"{}\"", slot.name,
                      served.error().message);
    }
    auto next = slot.disk.journal;
    const auto failure = failure_of(context);
    // One that stands is of a newer order, which must not be tried again either.
    if (!next.refusal) next.refusal = Refusal{context.order_id(), failure};
    next.failure.reset();
    next.forget_unproven();
    next.entered.clear();
    next.no_delta.clear();
    next.completed.reset();
    next.order.reset();
    next.state = UpdateState::idle;
    const auto saved = context.services.state.save_journal(slot.name, next);
    if (!saved) co_return Step::retry(saved.error());
    slot.disk.journal = std::move(next);
    log_warn("rolled back slot={} reason={} message=\"{}\"", slot.name, failure.reason,
             failure.message);
    co_return Step::go(UpdateState::idle);
}

}  // namespace strandline::agent
