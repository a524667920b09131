#include "agent/reporter.h"

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"

namespace strandline::agent {
namespace {

using std::chrono::milliseconds;

// Changes within this time become one report.
constexpr milliseconds min_gap{100};
constexpr milliseconds max_retry{30'000};

}  // namespace

Reporter::Reporter(net::Runtime& runtime, Tasks& tasks, const AgentConfig& config, Channel channel)
    : tasks_(&tasks), config_(config), channel_(std::move(channel)), signal_(runtime.executor()) {}

void Reporter::changed() {
    dirty_ = true;
    signal_.notify();
}

net::Task<void> Reporter::send_once() {
    dirty_ = false;
    auto text = channel_.build();
    const auto sent = co_await channel_.send(std::move(text));
    if (sent) co_return Status{};
    log_debug("report not sent error=\"{}\"", sent.error().message);
    dirty_ = true;
    co_return sent;
}

boost::asio::awaitable<void> Reporter::run() {
    Backoff backoff(config_.transfer.retry_base, std::min(max_retry, config_.transfer.retry_cap));
    while (!tasks_->stopping()) {
        const auto interval = Deadline::after(config_.hub.report_interval);
        while (!dirty_ && !tasks_->stopping() && !interval.passed()) {
            co_await tasks_->wait(signal_, interval);
        }
        if (tasks_->stopping()) break;
        const auto sent = co_await send_once();
        auto gap = min_gap;
        if (sent)
            backoff.reset();
        else
            gap = std::max({gap, backoff.next(),
                            sent.error().retry_after.value_or(std::chrono::milliseconds{0})});
        const auto next = Deadline::after(gap);
        while (!next.passed() && !tasks_->stopping()) co_await tasks_->wait(signal_, next);
    }
    if (dirty_) static_cast<void>(co_await send_once());
}

}  // namespace strandline::agent
