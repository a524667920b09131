#include "agent/update_driver.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/states/states.h"
#include "base/log.h"

namespace strandline::agent {
namespace {

using State = boost::asio::awaitable<Step> (*)(UpdateContext&);

boost::asio::awaitable<Step> nothing_to_do(UpdateContext& /*context*/) {
    co_return Step::go(UpdateState::idle);
}

// In the order of UpdateState.
constexpr std::array<State, update_state_count> states{
    nothing_to_do, plan, fetch, assemble, verify, self_test, switch_over, soak, report, roll_back};

// A Retry-After below this is no appointment, and following it to the letter would be hammering.
constexpr std::chrono::milliseconds min_appointment{1'000};
constexpr std::uint64_t max_lateness_ms = 200;

/// States that must be finished whatever comes next.
bool is_uninterruptible(UpdateState state) {
    return state == UpdateState::report || state == UpdateState::roll_back;
}

/// From the soak on the slots need not wait for each other: a roll-back least of all.
bool needs_turn(UpdateState state) {
    return state < UpdateState::soak && state != UpdateState::idle;
}

class Drive {
public:
    Drive(UpdateContext& context, Turn& turn)
        : context_(&context),
          turn_(&turn),
          backoff_(context.services.config.transfer.retry_base,
                   context.services.config.transfer.retry_cap, context.services.random),
          started_(context.services.clock.steady()) {}

    boost::asio::awaitable<void> run() {
        begin();
        while (journal().order == context_->order_id()) {
            const auto state = journal().state;
            if (context_->preempted() && !is_uninterruptible(state)) break;
            co_await take_turn(state);
            auto step = co_await enter(state);
            // What could not be finished is taken up at the next start.
            if (step.kind == Step::Kind::retry && context_->stopping()) {
                ignore(save(), "then this counts as one more crash at most");
                break;
            }
            // What came and stays proves that the line works: the next failure is a first one.
            if (std::exchange(context_->advanced, false)) backoff_.reset();
            co_await follow(state, std::move(step));
            context_->services.changed();
        }
    }

private:
    [[nodiscard]] UpdateJournal& journal() { return context_->journal(); }

    /// Takes up the order where the journal left it, or as a new one.
    void begin() {
        if (journal().order == context_->order_id() && journal().state != UpdateState::idle) return;
        journal().order = context_->order_id();
        journal().state = context_->first;
        journal().entered.clear();
        journal().no_delta.clear();
        journal().failure.reset();
        if (context_->first != UpdateState::plan) return;
        journal().refusal.reset();
        journal().totals = {};
        context_->slot.order_blobs.reset();
        context_->slot.progress = 0;
    }

    boost::asio::awaitable<void> take_turn(UpdateState state) {
        if (!needs_turn(state)) {
            hold_.reset();
        } else if (!hold_) {
            hold_.emplace(co_await turn_->take());
        }
    }

    boost::asio::awaitable<Step> enter(UpdateState state) {
        auto& entered = journal().entered[state];
        if (entered >= crash_limit(state)) {
            co_return Step::refuse("crash_loop", "the agent was ended " + std::to_string(entered) +
                                                     " times in state " +
                                                     std::string(to_string(state)));
        }
        ++entered;
        if (const auto saved = save(); !saved) {
            --entered;
            co_return Step::retry(saved.error());
        }
        context_->services.changed();
        auto step = co_await states[static_cast<std::size_t>(state)](*context_);
        journal().entered[state] = 0;
        co_return step;
    }

    boost::asio::awaitable<void> follow(UpdateState state, Step step) {
        switch (step.kind) {
            case Step::Kind::go:
                go(state, step.next);
                break;
            case Step::Kind::retry:
                co_await wait(state, step);
                break;
            case Step::Kind::refuse:
                refuse(state, step);
                break;
            case Step::Kind::preempted:
                ignore(save(), "the next entry writes it");
                break;
        }
    }

    void go(UpdateState from, UpdateState next) {
        backoff_.reset();
        context_->slot.problem.reset();
        if (from == UpdateState::switch_over) {
            const auto span = context_->services.clock.steady() - started_;
            journal().totals.duration_ms =
                std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
        }
        journal().state = next;
    }

    boost::asio::awaitable<void> wait(UpdateState state, const Step& step) {
        ignore(save(), "the next entry writes it");
        context_->slot.problem =
            trust::ReportedError{std::string(to_string(state)), step.reason, step.message};
        context_->services.changed();
        const auto span = span_of(step);
        log_info("update waits slot={} state={} wait_ms={} reason={} message=\"{}\"",
                 context_->slot.name, to_string(state), span.count(), step.reason, step.message);
        // What this slot waits for must not hold up the others.
        hold_.reset();
        // A newer order has to wait for what must be finished, and does not make it any quicker.
        const auto& interrupted =
            is_uninterruptible(state) ? context_->stopping : context_->preempted;
        static_cast<void>(co_await pause(*context_, span, interrupted));
    }

    /// A hub that says when to come back has kept a place for us; to come later wastes it.
    [[nodiscard]] std::chrono::milliseconds span_of(const Step& step) {
        const auto asked = step.retry_after.value_or(std::chrono::milliseconds{0});
        if (asked < min_appointment) return std::max(backoff_.next(), asked);
        const auto jitter = context_->services.random.below(max_lateness_ms);
        return asked + std::chrono::milliseconds{static_cast<std::int64_t>(jitter)};
    }

    void refuse(UpdateState state, const Step& step) {
        log_warn("release refused slot={} version={} state={} reason={} message=\"{}\"",
                 context_->slot.name, context_->order.version, to_string(state), step.reason,
                 step.message);
        const trust::ReportedError error{std::string(to_string(state)), step.reason, step.message};
        context_->slot.problem.reset();
        if (state == UpdateState::soak) {
            journal().failure = error;
            journal().state = UpdateState::roll_back;
            return;
        }
        journal().refusal = Refusal{context_->order_id(), error};
        journal().order.reset();
        journal().entered.clear();
        journal().no_delta.clear();
        journal().state = UpdateState::idle;
        ignore(save(), "refused again after a crash, for the same reason");
    }

    [[nodiscard]] Status save() {
        return context_->services.state.save_journal(context_->slot.name, journal());
    }

    UpdateContext* context_;
    Turn* turn_;
    Backoff backoff_;
    SteadyTime started_;
    std::optional<Turn::Hold> hold_;
};

}  // namespace

boost::asio::awaitable<void> drive_update(UpdateContext& context, Turn& turn) {
    Drive drive(context, turn);
    co_await drive.run();
}

}  // namespace strandline::agent
