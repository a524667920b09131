#include "base/worker_pool.h"

#include <fmt/core.h>

namespace strandline {

WorkerPool::WorkerPool(Options options) : options_(options) {
    threads_.reserve(options_.threads);
    for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { run(); });
}

WorkerPool::~WorkerPool() { stop(); }

Status WorkerPool::submit(std::function<void()> task) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return fail(Errc::cancelled, "the program is stopping");
        if (queue_.size() >= options_.max_queued) {
            return fail(Errc::exhausted,
                        fmt::format("{} tasks are already waiting", queue_.size()));
        }
        queue_.push_back(std::move(task));
    }
    wake_.notify_one();
    return {};
}

void WorkerPool::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

std::size_t WorkerPool::queued() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

void WorkerPool::run() {
    for (;;) {
        std::function<void()> task;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            task = std::move(queue_.front());
            queue_.pop_front();
        }
        task();
    }
}

}  // namespace strandline
