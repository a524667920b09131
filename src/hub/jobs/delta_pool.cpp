#include "hub/jobs/delta_pool.h"

#include <chrono>

#include "base/log.h"

namespace strandline::hub {
namespace {

// Jobs of other replicas, retries and leases that ran out announce themselves to nobody.
constexpr std::chrono::seconds look_again{2};

}  // namespace

DeltaPool::DeltaPool(std::size_t threads, const MakeWorker& make) {
    workers_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) workers_.push_back(make(i));
    for (auto& worker : workers_) threads_.emplace_back([this, &worker] { run(worker); });
}

DeltaPool::~DeltaPool() { stop(); }

void DeltaPool::wake() {
    {
        const std::lock_guard lock(mutex_);
        ++wakes_;
    }
    wake_.notify_all();
}

void DeltaPool::ask_to_stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
}

void DeltaPool::stop() {
    ask_to_stop();
    for (auto& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

std::uint64_t DeltaPool::wakes() {
    const std::lock_guard lock(mutex_);
    return wakes_;
}

bool DeltaPool::wait(std::uint64_t seen) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, look_again, [&] { return stopping_ || wakes_ != seen; });
    return !stopping_;
}

void DeltaPool::run(registry::DeltaWorker& worker) {
    bool more = true;
    while (more) {
        // Counted before the look: a job that comes after it must not wait for the next one.
        const auto seen = wakes();
        const auto worked = worker.run_once([this] { return !stopping_; });
        if (!worked) log_warn("delta worker: {}", worked.error().message);
        more = worked && *worked ? !stopping_ : wait(seen);
    }
}

}  // namespace strandline::hub
