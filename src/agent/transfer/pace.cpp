#include "agent/transfer/pace.h"

#include <algorithm>

#include "net/runtime.h"

namespace strandline::agent {
namespace {

// A quarter of a second may come in one burst, so that the cap is smooth and small files are not
// slowed.
constexpr double burst_seconds = 0.25;

std::optional<policy::TokenBucket> make_bucket(std::uint64_t rate, const Clock& clock) {
    if (rate == 0) return std::nullopt;
    policy::TokenBucketOptions options;
    options.rate_per_second = static_cast<double>(rate);
    options.burst = std::max(1.0, options.rate_per_second * burst_seconds);
    return policy::TokenBucket(options, clock.steady());
}

}  // namespace

Pace::Pace(std::uint64_t max_bytes_per_second, const Clock& clock)
    : bucket_(make_bucket(max_bytes_per_second, clock)), clock_(&clock) {}

boost::asio::awaitable<void> Pace::take(std::uint64_t bytes) {
    while (bucket_) {
        const auto wait = bucket_->try_take(static_cast<double>(bytes), clock_->steady());
        if (!wait) co_return;
        co_await net::sleep_for(*wait);
    }
}

}  // namespace strandline::agent
