#pragma once

#include <chrono>
#include <cstdint>

#include "base/random.h"

namespace strandline {

/// Exponential back-off with full jitter: the n-th wait is uniform in
/// [0, min(cap, base * 2^n)). Source: Brooker, "Exponential Backoff And Jitter", AWS, 2015.
class Backoff {
public:
    Backoff(std::chrono::milliseconds base, std::chrono::milliseconds cap,
            Random& random = system_random())
        : base_(base), cap_(cap), random_(&random) {}

    /// The next wait. A server's Retry-After is a floor: use std::max of both.
    [[nodiscard]] std::chrono::milliseconds next();
    void reset() { attempts_ = 0; }
    [[nodiscard]] unsigned attempts() const { return attempts_; }

private:
    std::chrono::milliseconds base_;
    std::chrono::milliseconds cap_;
    Random* random_;
    unsigned attempts_ = 0;
};

}  // namespace strandline
