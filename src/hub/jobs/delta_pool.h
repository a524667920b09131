#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "registry/delta_worker.h"

namespace strandline::hub {

/// Threads that build deltas, one job after another, from the durable queue.
class DeltaPool {
public:
    using MakeWorker = std::function<registry::DeltaWorker(std::size_t index)>;

    /// Starts the threads; `make` is called once for each.
    DeltaPool(std::size_t threads, const MakeWorker& make);
    ~DeltaPool();
    DeltaPool(const DeltaPool&) = delete;
    DeltaPool& operator=(const DeltaPool&) = delete;

    /// There may be a job. Thread-safe.
    void wake();
    /// Tells the workers to give running jobs back to the queue, without waiting. Thread-safe.
    void ask_to_stop();
    /// The same, and joins. Idempotent.
    void stop();

private:
    void run(registry::DeltaWorker& worker);
    /// How often wake() was called.
    [[nodiscard]] std::uint64_t wakes();
    /// Until wake() was called more often than `seen` times; false when stopping.
    bool wait(std::uint64_t seen);

    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::condition_variable wake_;
    std::uint64_t wakes_ = 0;
    std::vector<registry::DeltaWorker> workers_;
    std::vector<std::thread> threads_;
};

}  // namespace strandline::hub
