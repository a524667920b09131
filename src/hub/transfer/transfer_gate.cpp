#include "hub/transfer/transfer_gate.h"

#include <algorithm>
#include <fmt/core.h>

namespace strandline::hub {
namespace {

// Nobody can know when a running transfer ends; a second is short against a download.
constexpr std::chrono::milliseconds busy_wait{1'000};

policy::TokenBucketOptions bucket_options(const TransferLimits& limits) {
    // One second's worth may be saved up: enough to keep the line busy, too little for a burst.
    const auto rate = static_cast<double>(std::max<std::uint64_t>(limits.bytes_per_second, 1));
    return {.rate_per_second = rate, .burst = rate};
}

}  // namespace

TransferGate::TransferGate(TransferLimits limits, const Clock& clock)
    : limits_(limits), clock_(&clock), bucket_(bucket_options(limits), clock.steady()) {}

TransferGate::Ticket::Ticket(std::shared_ptr<TransferGate> gate, std::uint64_t bytes)
    : gate_(std::move(gate)), bytes_(bytes) {}

TransferGate::Ticket::~Ticket() { gate_->finish(bytes_ - std::min(bytes_, sent_)); }

Result<std::shared_ptr<TransferGate::Ticket>> TransferGate::admit(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    if (running_ >= limits_.max_concurrent) {
        auto error = fail(Errc::unavailable,
                          fmt::format("{} downloads are running, which is the limit", running_));
        error.retry_after = busy_wait;
        return error;
    }
    if (limits_.bytes_per_second > 0) {
        const auto wait = bucket_.try_take(static_cast<double>(bytes), clock_->steady());
        if (wait) {
            auto error = fail(Errc::exhausted, "the download rate of this hub is used up for now");
            error.retry_after = std::chrono::ceil<std::chrono::milliseconds>(*wait);
            return error;
        }
    }
    ++running_;
    return std::make_shared<Ticket>(shared_from_this(), bytes);
}

std::size_t TransferGate::running() const {
    const std::lock_guard lock(mutex_);
    return running_;
}

void TransferGate::finish(std::uint64_t unsent) {
    const std::lock_guard lock(mutex_);
    --running_;
    if (limits_.bytes_per_second > 0)
        bucket_.give_back(static_cast<double>(unsent), clock_->steady());
}

}  // namespace strandline::hub
