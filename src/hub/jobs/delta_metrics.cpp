#include "hub/jobs/delta_metrics.h"

namespace strandline::hub {

DeltaMetrics::DeltaMetrics(Metrics& metrics)
    : metrics_(&metrics),
      duration_(&metrics.histogram("strandline_delta_build_duration_seconds",
                                   "From the start of a delta's build to its end.")) {}

void DeltaMetrics::finished(const registry::DeltaJob& job) {
    metrics_
        ->counter("strandline_delta_jobs_total", "Delta jobs that came to an end.",
                  {{"state", std::string(to_string(job.state))}})
        .add();
    duration_->observe(std::chrono::milliseconds(job.build_ms));
    for (const auto& share : job.shares) {
        const Labels labels{{"coding", share.coding}};
        metrics_
            ->counter("strandline_delta_bytes_total", "Bytes of deltas, by way of coding.", labels)
            .add(share.delta_bytes);
        metrics_
            ->counter("strandline_delta_new_bytes_total",
                      "Bytes of new files that deltas make, by way of coding.", labels)
            .add(share.new_bytes);
    }
}

}  // namespace strandline::hub
