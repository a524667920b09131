#pragma once

#include "base/metrics.h"
#include "registry/delta_job.h"

namespace strandline::hub {

/// What this hub's delta jobs come to. Thread-safe.
class DeltaMetrics {
public:
    /// Borrows `metrics`.
    explicit DeltaMetrics(Metrics& metrics);

    /// A job was built, or found not worth it.
    void finished(const registry::DeltaJob& job);

private:
    Metrics* metrics_;
    Histogram* duration_;
};

}  // namespace strandline::hub
