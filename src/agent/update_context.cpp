#include "agent/update_context.h"

#include <utility>

namespace strandline::agent {

Step Step::go(UpdateState next) {
    Step step;
    step.next = next;
    return step;
}

Step Step::retry(const Error& error) {
    Step step;
    step.kind = Kind::retry;
    step.reason = std::string(info(error.code).name);
    step.message = error.message;
    step.retry_after = error.retry_after;
    return step;
}

Step Step::refuse(std::string reason, std::string message) {
    Step step;
    step.kind = Kind::refuse;
    step.reason = std::move(reason);
    step.message = std::move(message);
    return step;
}

Step Step::interrupted() {
    Step step;
    step.kind = Kind::preempted;
    return step;
}

Step Step::disk(const Error& error) {
    if (error.code == Errc::exhausted) return refuse("no_space", error.message);
    return retry(error);
}

boost::asio::awaitable<bool> pause(UpdateContext& context, std::chrono::milliseconds span,
                                   const std::function<bool()>& interrupted) {
    const auto deadline = Deadline::after(span);
    while (!interrupted() && !deadline.passed()) {
        // A wake-up for another slot is not ours: wait on.
        static_cast<void>(co_await context.wake.wait(deadline));
    }
    co_return !interrupted();
}

boost::asio::awaitable<bool> pause(UpdateContext& context, std::chrono::milliseconds span) {
    return pause(context, span, context.preempted);
}

}  // namespace strandline::agent
