#include <algorithm>

#include "agent/states/states.h"

namespace strandline::agent {
namespace {

// How often the counters are looked at; a soak shorter than this is looked at once.
constexpr std::chrono::milliseconds look_interval{250};

/// What is wrong with a release at work, if anything.
std::optional<Step> judge(const RunStatistics& now, const UpdateContext& context) {
    const auto& policy = context.order.soak;
    const auto& basis = context.services.config.soak;
    if (now.restarts > 0) return Step::refuse("crashed", "its process ended during the soak");
    const auto failures = static_cast<double>(now.errors);
    const auto total = static_cast<double>(std::max<std::uint64_t>(now.inferences, 1));
    if (now.errors >= basis.min_failures && failures / total > policy.max_error_rate) {
        return Step::refuse("soak_errors", std::to_string(now.errors) + " of " +
                                               std::to_string(now.inferences) +
                                               " inferences failed during the soak");
    }
    const bool slow = policy.max_latency.count() > 0 && now.p99 > policy.max_latency;
    if (slow && now.inferences >= basis.min_samples) {
        const auto p99_ms = std::chrono::ceil<std::chrono::milliseconds>(now.p99).count();
        return Step::refuse("soak_latency", "the 99th percentile was " + std::to_string(p99_ms) +
                                                " ms, more than " +
                                                std::to_string(policy.max_latency.count()) + " ms");
    }
    return std::nullopt;
}

/// Nothing runs. That is fine where nothing can; elsewhere the release did not load at the last
/// start.
boost::asio::awaitable<Step> judge_silence(UpdateContext& context) {
    const auto& active = context.slot.active;
    const auto kind = active ? active->manifest.kind : trust::RuntimeKind::onnx;
    const auto possible = co_await context.services.host.can_run(kind);
    if (possible) co_return Step::refuse("load_error", context.slot.not_serving_reason);
    co_return Step::go(UpdateState::report);
}

}  // namespace

boost::asio::awaitable<Step> soak(UpdateContext& context) {
    if (!context.slot.running) co_return co_await judge_silence(context);
    const auto end = Deadline::after(context.order.soak.duration);
    for (;;) {
        if (auto wrong = judge(context.slot.running->statistics(), context)) co_return *wrong;
        if (end.passed()) break;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end.remaining());
        if (!co_await pause(context, std::min(left, look_interval))) co_return Step::interrupted();
    }
    co_return Step::go(UpdateState::report);
}

}  // namespace strandline::agent
