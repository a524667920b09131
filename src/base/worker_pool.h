#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"

namespace strandline {

/// A fixed number of threads for blocking work (SQL, files, hashes, inference) behind a bounded
/// queue: a full queue is an answer, never an unbounded list.
class WorkerPool {
public:
    struct Options {
        std::size_t threads = 2;
        std::size_t max_queued = 1024;
    };

    explicit WorkerPool(Options options);
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    /// Thread-safe. Full queue is `exhausted`, a stopped pool `cancelled`. Tasks must not throw.
    [[nodiscard]] Status submit(std::function<void()> task);

    /// Runs what is queued, then joins. Idempotent.
    void stop();

    [[nodiscard]] std::size_t queued() const;

private:
    void run();

    const Options options_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace strandline
