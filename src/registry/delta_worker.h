#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/clock.h"
#include "registry/delta_builder.h"
#include "registry/delta_job_store.h"
#include "registry/hooks.h"
#include "store/blob/blob_store.h"

namespace strandline::registry {

struct DeltaWorkerOptions {
    std::string owner;  ///< unique among all workers of all hubs
    std::chrono::milliseconds lease{60'000};
};

/// Takes one delta job after another. Each thread that works has its own DeltaWorker; run_once()
/// blocks for the length of a build. What it borrows must outlive it.
class DeltaWorker {
public:
    DeltaWorker(DeltaJobStore& jobs, store::BlobStore& blobs, DeltaBuilder& builder,
                const Clock& clock, DeltaWorkerOptions options)
        : jobs_(&jobs),
          blobs_(&blobs),
          builder_(&builder),
          clock_(&clock),
          options_(std::move(options)) {}

    /// True when there was a job, whatever came of it: then call again at once, else wait a while.
    /// `keep_going` is asked during the build; after a no the job goes back to the queue untried.
    /// An error means that the database failed.
    [[nodiscard]] Result<bool> run_once(const std::function<bool()>& keep_going);

    /// Removes what builds of a process that was killed have left half made. Only while nobody
    /// builds. Number removed.
    [[nodiscard]] static Result<std::size_t> remove_leftovers(const store::BlobStore& blobs);

    void set_events(EventSink events) { events_ = std::move(events); }
    /// Called after each job that is built or not worth it, on the worker's thread.
    void set_finished(std::function<void(const DeltaJob&)> finished) {
        finished_ = std::move(finished);
    }

private:
    [[nodiscard]] Status work(const DeltaJob& job, const std::function<bool()>& keep_going);
    void tell(DeltaJob job, DeltaState state, const DeltaBuilt& result) const;
    [[nodiscard]] Status finish(const DeltaJob& job, const Result<DeltaBuild>& built,
                                const std::filesystem::path& output, std::int64_t build_ms);

    DeltaJobStore* jobs_;
    store::BlobStore* blobs_;
    DeltaBuilder* builder_;
    const Clock* clock_;
    DeltaWorkerOptions options_;
    EventSink events_;
    std::function<void(const DeltaJob&)> finished_;
};

}  // namespace strandline::registry
