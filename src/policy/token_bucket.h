#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace strandline::policy {

struct TokenBucketOptions {
    double rate_per_second = 1;  ///< refill; > 0
    double burst = 1;            ///< most that can be saved up; > 0
};

/// Token bucket with debt: a request is admitted as soon as there is more than nothing in the
/// bucket, and its whole amount is then taken, so the level may go below zero and the next one
/// waits until the debt is paid. Large and small requests alike keep the average rate, and none is
/// too large to be ever admitted. Pure: time is a parameter. One thread at a time.
class TokenBucket {
public:
    TokenBucket(TokenBucketOptions options, SteadyTime now);

    /// Takes `amount` when admitted; else the wait after which the same call is admitted if nobody
    /// else comes first.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> try_take(double amount, SteadyTime now);
    /// Time until the next admission; zero when at once.
    [[nodiscard]] std::chrono::nanoseconds until_admission(SteadyTime now) const;
    /// Gives back what was taken for work that was not done.
    void give_back(double amount, SteadyTime now);
    /// What is in the bucket; below zero is debt.
    [[nodiscard]] double level(SteadyTime now) const;
    /// Changes the rate; what is saved up or owed stays.
    void set_options(TokenBucketOptions options, SteadyTime now);

private:
    TokenBucketOptions options_;
    double level_;
    SteadyTime updated_;
};

}  // namespace strandline::policy
