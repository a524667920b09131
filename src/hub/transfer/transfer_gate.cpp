#include "hub/transfer/transfer_gate.h"

#include <algorithm>
#include <utility>

namespace strandline::hub {
namespace {

// While somebody waits: how often a broken transfer's place and a line with room are noticed.
constexpr std::chrono::milliseconds look_again{10};
// An estimate may be wrong by this much before the client is sent away after all.
constexpr std::chrono::seconds patience{15};

policy::DownloadQueueOptions queue_options(const TransferLimits& limits) {
    policy::DownloadQueueOptions options;
    options.bytes_per_second = static_cast<double>(limits.bytes_per_second);
    options.max_concurrent = limits.max_concurrent;
    return options;
}

Error come_back(std::chrono::seconds after) {
    auto error = fail(Errc::exhausted, "other downloads come first; your place is kept");
    error.retry_after = after;
    return error;
}

}  // namespace

struct TransferGate::Waiter {
    Waiter(const boost::asio::any_io_executor& executor, std::uint64_t size)
        : signal(executor), bytes(size) {}
    net::Signal signal;
    std::uint64_t bytes;
    std::shared_ptr<Ticket> ticket;  ///< once admitted
};

TransferGate::TransferGate(net::Runtime& runtime, TransferLimits limits, const Clock& clock,
                           Metrics& metrics)
    : runtime_(&runtime),
      clock_(&clock),
      queue_(queue_options(limits), clock.steady()),
      running_gauge_(&metrics.gauge("strandline_downloads_running", "Downloads under way.")),
      waiting_gauge_(&metrics.gauge("strandline_downloads_waiting",
                                    "Downloads that wait for their start with an open request.")),
      deferred_(&metrics.counter("strandline_downloads_deferred_total",
                                 "Downloads that were given a later start by Retry-After.")),
      paced_(&metrics.counter("strandline_download_paced_bytes_total",
                              "Bytes sent at the common rate; 0 without one.")) {
    if (limits.bytes_per_second > 0)
        rate_ = std::make_shared<net::SharedRate>(limits.bytes_per_second, clock);
}

TransferGate::Ticket::Ticket(std::shared_ptr<TransferGate> gate, std::uint64_t bytes,
                             SteadyTime started)
    : gate_(std::move(gate)), bytes_(bytes), started_(started) {}

TransferGate::Ticket::~Ticket() {
    if (gate_) gate_->finish(bytes_, gate_->clock_->steady() - started_);
}

void TransferGate::Ticket::ended(std::uint64_t sent, bool complete) {
    const auto gate = std::exchange(gate_, nullptr);
    if (!gate) return;
    gate->finish(bytes_ - std::min(bytes_, sent), gate->clock_->steady() - started_);
    // A cut one may be cut by the end of the program: nobody is to be woken then.
    if (complete) gate->drain();
}

policy::LineState TransferGate::line() const {
    if (!rate_) return {};
    const auto booked = rate_->booked();
    return {.backlog = admitted_ - std::min(admitted_, booked), .saturated = rate_->saturated()};
}

void TransferGate::show() {
    running_gauge_->set(static_cast<double>(queue_.running()));
    waiting_gauge_->set(static_cast<double>(queue_.waiting()));
    if (rate_) paced_->add(rate_->sent() - std::exchange(shown_, rate_->sent()));
}

std::shared_ptr<TransferGate::Ticket> TransferGate::admit(std::uint64_t bytes) {
    admitted_ += bytes;
    show();
    return std::make_shared<Ticket>(shared_from_this(), bytes, clock_->steady());
}

void TransferGate::finish(std::uint64_t unsent, std::chrono::nanoseconds took) {
    queue_.finish(unsent, took);
    admitted_ -= std::min(admitted_, unsent);
    show();
}

void TransferGate::drain() {
    while (const auto id = queue_.pop(line(), clock_->steady())) {
        const auto found = waiters_.find(*id);
        const auto waiter = found == waiters_.end() ? nullptr : found->second.lock();
        if (found != waiters_.end()) waiters_.erase(found);
        if (!waiter) {
            queue_.finish(0, std::chrono::nanoseconds{0});
            continue;
        }
        waiter->ticket = admit(waiter->bytes);
        waiter->signal.notify();
    }
    show();
}

boost::asio::awaitable<void> TransferGate::keep_draining(std::shared_ptr<TransferGate> self) {
    while (self->queue_.waiting() > 0) {
        self->drain();
        co_await net::sleep_for(look_again);
    }
    self->draining_ = false;
}

net::Task<std::shared_ptr<TransferGate::Ticket>> TransferGate::wait(policy::DownloadQueue::Id id,
                                                                    std::uint64_t bytes) {
    // Only the coroutine owns it: the gate may outlive the event loop.
    const auto waiter = std::make_shared<Waiter>(runtime_->executor(), bytes);
    waiters_[id] = waiter;
    show();
    if (!std::exchange(draining_, true)) runtime_->spawn(keep_draining(shared_from_this()));
    const auto until = Deadline::after(patience);
    while (!waiter->ticket && !until.passed())
        static_cast<void>(co_await waiter->signal.wait(until));
    if (waiter->ticket) co_return std::move(waiter->ticket);
    waiters_.erase(id);
    queue_.withdraw(id);
    show();
    deferred_->add();
    co_return come_back(std::chrono::seconds{1});
}

net::Task<std::shared_ptr<TransferGate::Ticket>> TransferGate::enter(std::string who,
                                                                     std::uint64_t bytes) {
    const auto self = shared_from_this();
    const auto verdict = queue_.enter(who, bytes, line(), clock_->steady());
    switch (verdict.kind) {
        case policy::DownloadQueue::Verdict::Kind::start:
            co_return admit(bytes);
        case policy::DownloadQueue::Verdict::Kind::wait:
            co_return co_await wait(verdict.id, bytes);
        case policy::DownloadQueue::Verdict::Kind::come_back:
            break;
    }
    deferred_->add();
    co_return come_back(verdict.after);
}

}  // namespace strandline::hub
