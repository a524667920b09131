#include <algorithm>

#include "agent/states/states.h"

namespace strandline::agent {
namespace {

// How often the counters are looked at; a soak shorter than this is looked at once.
constexpr std::chrono::milliseconds look_interval{250};
// A cut costs no more of the soak than this.
constexpr std::chrono::minutes note_interval{1};

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

/// Adds the time since the last look to what is behind the release, and notes it now and then.
class Progress {
public:
    explicit Progress(UpdateContext& context)
        : context_(&context),
          looked_(context.services.clock.steady()),
          noted_(context.journal().soaked) {}

    void look() {
        using std::chrono::milliseconds;
        auto& journal = context_->journal();
        const auto now = context_->services.clock.steady();
        const auto span = std::chrono::floor<milliseconds>(now - looked_);
        looked_ += span;
        journal.soaked += span;
        if (journal.soaked - noted_ < note_interval) return;
        noted_ = journal.soaked;
        // What lives for so long takes nothing down: the next cut is a first one.
        journal.entered[UpdateState::soak] = 0;
        ignore(context_->services.state.save_journal(context_->slot.name, journal),
               "the next note tells it");
    }
    [[nodiscard]] std::chrono::milliseconds left() const {
        return context_->order.soak.duration - context_->journal().soaked;
    }

private:
    UpdateContext* context_;
    SteadyTime looked_;
    std::chrono::milliseconds noted_;
};

}  // namespace

boost::asio::awaitable<Step> soak(UpdateContext& context) {
    if (!context.slot.running) co_return co_await judge_silence(context);
    Progress progress(context);
    for (;;) {
        if (auto wrong = judge(context.slot.running->statistics(), context)) co_return *wrong;
        progress.look();
        const auto left = progress.left();
        if (left.count() <= 0) break;
        // What is behind it is written with the end of the state.
        if (!co_await pause(context, std::min(left, look_interval))) {
            progress.look();
            co_return Step::interrupted();
        }
    }
    co_return Step::go(UpdateState::report);
}

}  // namespace strandline::agent
