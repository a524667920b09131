#include "policy/token_bucket.h"

#include <algorithm>
#include <cmath>

namespace strandline::policy {
namespace {

constexpr double nanoseconds_per_second = 1e9;

}  // namespace

TokenBucket::TokenBucket(TokenBucketOptions options, SteadyTime now)
    : options_(options), level_(options.burst), updated_(now) {
    STRANDLINE_ASSERT(options.rate_per_second > 0 && options.burst > 0);
}

double TokenBucket::level(SteadyTime now) const {
    const std::chrono::duration<double> passed = now - updated_;
    const double refill = std::max(0.0, passed.count()) * options_.rate_per_second;
    return std::min(options_.burst, level_ + refill);
}

std::chrono::nanoseconds TokenBucket::until_admission(SteadyTime now) const {
    const double current = level(now);
    if (current > 0) return std::chrono::nanoseconds{0};
    // The level must be above zero, not at it: hence one more nanosecond than the debt needs.
    const double wait = -current / options_.rate_per_second * nanoseconds_per_second;
    // A century is as good as never, and fits.
    constexpr double longest = 3.2e18;
    auto until =
        std::chrono::nanoseconds{static_cast<std::int64_t>(std::min(std::ceil(wait), longest))} +
        std::chrono::nanoseconds{1};
    // Rounding may leave the level at or just below zero when the debt is large.
    while (level(now + until) <= 0 && until.count() < static_cast<std::int64_t>(longest))
        until += until / 1024 + std::chrono::nanoseconds{1};
    return until;
}

std::optional<std::chrono::nanoseconds> TokenBucket::try_take(double amount, SteadyTime now) {
    const auto wait = until_admission(now);
    if (wait.count() > 0) return wait;
    level_ = level(now) - std::max(0.0, amount);
    updated_ = std::max(updated_, now);
    return std::nullopt;
}

void TokenBucket::give_back(double amount, SteadyTime now) {
    level_ = std::min(options_.burst, level(now) + std::max(0.0, amount));
    updated_ = std::max(updated_, now);
}

void TokenBucket::set_options(TokenBucketOptions options, SteadyTime now) {
    STRANDLINE_ASSERT(options.rate_per_second > 0 && options.burst > 0);
    level_ = std::min(options.burst, level(now));
    updated_ = std::max(updated_, now);
    options_ = options;
}

}  // namespace strandline::policy
