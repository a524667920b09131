#include <utility>

#include "agent/run/self_test.h"
#include "agent/states/states.h"
#include "base/log.h"

namespace strandline::agent {

boost::asio::awaitable<Step> self_test(UpdateContext& context) {
    const auto possible = co_await context.services.host.can_run(context.manifest.kind);
    if (!possible && possible.error().code != Errc::unavailable)
        co_return Step::retry(possible.error());
    if (!possible) {
        // An agent without an engine still delivers: for relaying, and for when it gets one.
        log_warn("self-test skipped slot={} reason=\"{}\"", context.slot.name,
                 possible.error().message);
        context.journal().self_test = "none";
        co_return Step::go(UpdateState::switch_over);
    }
    SelfTestOptions options;
    options.program = context.services.self_test_program;
    options.policy = context.order.self_test;
    options.config = context.services.config;
    options.slot = context.slot.name;
    std::function<Result<SelfTestVerdict>()> work = [release = *context.installed,
                                                     options = std::move(options)] {
        return run_self_test(release, options);
    };
    const auto verdict = co_await context.services.runtime.offload(std::move(work));
    if (!verdict) co_return Step::retry(verdict.error());
    if (!verdict->passed) co_return Step::refuse(verdict->reason, verdict->message);
    co_return Step::go(UpdateState::switch_over);
}

}  // namespace strandline::agent
