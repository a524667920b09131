#include "agent/states/states.h"

namespace strandline::agent {

boost::asio::awaitable<Step> verify(UpdateContext& context) {
    auto* releases = &context.services.releases;
    std::function<Status()> work = [releases, release = *context.installed] {
        return releases->verify(release);
    };
    const auto verified = co_await context.services.runtime.offload(std::move(work));
    if (verified) co_return Step::go(UpdateState::self_test);
    if (verified.error().code != Errc::corrupt && verified.error().code != Errc::not_found) {
        co_return Step::disk(verified.error());
    }
    if (context.verify_failed) co_return Step::refuse("corrupt", verified.error().message);
    // A disk may have lost bytes under us: take it apart and build it once more.
    context.verify_failed = true;
    const auto digest = context.order.manifest;
    std::function<Status()> aside = [releases, digest] { return releases->move_aside(digest); };
    const auto moved = co_await context.services.runtime.offload(std::move(aside));
    if (!moved) co_return Step::disk(moved.error());
    co_return Step::go(UpdateState::plan);
}

}  // namespace strandline::agent
