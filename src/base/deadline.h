#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace strandline {

/// A point in monotonic time by which something must be done.
class Deadline {
public:
    /// Never passes; only for waits that something else is sure to end.
    [[nodiscard]] static Deadline never() { return Deadline{SteadyTime::max()}; }
    [[nodiscard]] static Deadline after(std::chrono::nanoseconds span,
                                        const Clock& clock = system_clock()) {
        return Deadline{clock.steady() + std::chrono::duration_cast<SteadyTime::duration>(span)};
    }

    [[nodiscard]] bool passed(const Clock& clock = system_clock()) const {
        return clock.steady() >= at_;
    }
    /// Zero once passed.
    [[nodiscard]] std::chrono::nanoseconds remaining(const Clock& clock = system_clock()) const {
        const auto now = clock.steady();
        return now >= at_ ? std::chrono::nanoseconds{0} : std::chrono::nanoseconds{at_ - now};
    }
    [[nodiscard]] SteadyTime at() const { return at_; }
    [[nodiscard]] Deadline earlier(Deadline other) const {
        return Deadline{std::min(at_, other.at_)};
    }

private:
    explicit Deadline(SteadyTime at) : at_(at) {}
    SteadyTime at_;
};

}  // namespace strandline
