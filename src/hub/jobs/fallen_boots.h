#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"

namespace strandline::hub {

/// Makes heard that a device reports under a lower boot than it did before, so that everything it
/// says is dropped: counts each report, logs at most one a minute. Thread-safe.
class FallenBoots {
public:
    /// Borrows both.
    FallenBoots(Metrics& metrics, const Clock& clock);

    void dropped(const std::string& device);

private:
    Counter* dropped_;
    const Clock* clock_;
    std::mutex mutex_;
    std::optional<SteadyTime> told_;
};

}  // namespace strandline::hub
