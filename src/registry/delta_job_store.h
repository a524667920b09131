#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "registry/delta_job.h"
#include "registry/hooks.h"
#include "registry/page.h"
#include "store/sql/database.h"

namespace strandline::registry {

struct DeltaJobPolicy {
    std::int64_t max_attempts = 5;
    std::chrono::milliseconds retry_base{2'000};
    std::chrono::milliseconds retry_cap{300'000};
    /// After this a failed job is queued again when somebody asks: what it failed of, such as a
    /// full disk, may be over.
    std::chrono::milliseconds failed_for{3'600'000};
};

/// The durable queue of delta jobs. One job per pair for ever: asking again is free, and its row is
/// the cache entry of its result; of a failure it is one for an hour. A worker holds a job by a
/// lease; when the lease runs out another worker takes the job over, and what the first one reports
/// later is refused. Thread-safe, also between processes; every call blocks.
class DeltaJobStore {
public:
    DeltaJobStore(store::Database& database, const Clock& clock, DeltaJobPolicy policy = {})
        : database_(&database), clock_(&clock), policy_(policy) {}

    /// Queues the pairs that have no job yet, and anew those whose job failed long ago; a pair with
    /// equal sides is skipped, and so is one whose bytes are no file of any release. Number queued.
    [[nodiscard]] Result<std::size_t> enqueue(std::span<const DeltaPair> pairs);
    [[nodiscard]] Result<std::optional<DeltaJob>> find(const DeltaPair& pair) const;
    /// Newest first; `state` filters.
    [[nodiscard]] Result<Page<DeltaJob>> list(std::optional<DeltaState> state,
                                              const PageRequest& page) const;
    [[nodiscard]] Result<DeltaCounts> counts() const;

    /// Takes the oldest job that is due, or none.
    [[nodiscard]] Result<std::optional<DeltaJob>> lease(std::string_view owner,
                                                        std::chrono::milliseconds duration);
    /// Ends the leases of workers that died with an earlier process: at the start of one that has
    /// the database for itself, so that nobody waits for them to run out. Number ended.
    [[nodiscard]] Result<std::int64_t> end_leases();
    // All four: `conflict` when `job` (as returned by lease()) is not held any more.
    [[nodiscard]] Status extend(const DeltaJob& job, std::chrono::milliseconds duration);
    [[nodiscard]] Status finish_built(const DeltaJob& job, const DeltaBuilt& result,
                                      const EventSink& events);
    [[nodiscard]] Status finish_not_worth(const DeltaJob& job, std::int64_t build_ms);
    /// Back to the queue with exponential back-off, or `failed` after the last attempt or when
    /// `permanent`.
    [[nodiscard]] Status finish_failed(const DeltaJob& job, std::string_view error,
                                       bool permanent = false, Random& random = system_random());
    /// Gives a job back untried (the program is stopping); the attempt is not counted.
    [[nodiscard]] Status release(const DeltaJob& job);
    /// Forgets a failed or built job, so that it can be asked for again: its blob is gone or bad.
    [[nodiscard]] Status forget(const DeltaPair& pair);
    /// Removes jobs whose target is no file of any release any more. Number removed.
    [[nodiscard]] Result<std::int64_t> prune();

    [[nodiscard]] static Result<std::size_t> enqueue(store::Transaction& transaction,
                                                     std::span<const DeltaPair> pairs,
                                                     WallTime now);

private:
    store::Database* database_;
    const Clock* clock_;
    DeltaJobPolicy policy_;
};

}  // namespace strandline::registry
