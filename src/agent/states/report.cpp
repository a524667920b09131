#include "agent/states/states.h"
#include "base/log.h"

namespace strandline::agent {

boost::asio::awaitable<Step> report(UpdateContext& context) {
    auto next = context.journal();
    next.completed = context.order_id();
    next.forget_unproven();
    // A refusal that stands is of a newer order: it was cleared when this one began.
    next.failure.reset();
    next.no_delta.clear();
    next.entered.clear();
    next.order.reset();
    next.state = UpdateState::idle;
    const auto saved = context.services.state.save_journal(context.slot.name, next);
    // The release is in use already: a full disk is waited out, not a reason against it.
    if (!saved) co_return Step::retry(saved.error());
    context.journal() = std::move(next);
    context.slot.problem.reset();
    context.slot.progress = 1;
    log_info("update done slot={} version={} bytes={} of={} deltas={} fulls={}", context.slot.name,
             context.order.version, context.journal().totals.bytes_received,
             context.journal().totals.bytes_full, context.journal().totals.deltas,
             context.journal().totals.fulls);
    co_return Step::go(UpdateState::idle);
}

}  // namespace strandline::agent
