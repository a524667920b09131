#include "agent/run/process_supervisor.h"

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"

namespace strandline::agent {

Result<std::unique_ptr<ProcessSupervisor>> ProcessSupervisor::start(ChildOptions options,
                                                                    RestartPolicy policy) {
    TRY(auto first, Subprocess::start(options));
    return std::unique_ptr<ProcessSupervisor>(
        new ProcessSupervisor(std::move(options), policy, std::move(first)));
}

ProcessSupervisor::ProcessSupervisor(ChildOptions options, RestartPolicy policy,
                                     std::unique_ptr<Subprocess> first)
    : options_(std::move(options)),
      policy_(policy),
      child_(std::move(first)),
      thread_([this] { run(); }) {}

ProcessSupervisor::~ProcessSupervisor() { stop(std::chrono::milliseconds{0}); }

void ProcessSupervisor::stop(std::chrono::milliseconds grace) {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (child_) child_->terminate(grace);
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

std::optional<std::string> ProcessSupervisor::last_end() const {
    const std::lock_guard lock(mutex_);
    return last_end_;
}

int ProcessSupervisor::pid() const {
    const std::lock_guard lock(mutex_);
    return child_ ? child_->pid() : 0;
}

void ProcessSupervisor::note_end(const ChildResult& result) {
    const std::lock_guard lock(mutex_);
    last_end_ = result.describe();
    child_.reset();
    if (!stopping_)
        log_warn("process ended program={} how=\"{}\"", options_.argv.front(), *last_end_);
}

bool ProcessSupervisor::wait_before_restart(std::chrono::milliseconds wait) {
    std::unique_lock lock(mutex_);
    return !wake_.wait_for(lock, wait, [this] { return stopping_; });
}

bool ProcessSupervisor::launch() {
    auto child = Subprocess::start(options_);
    const std::lock_guard lock(mutex_);
    if (!child) {
        last_end_ = child.error().message;
        ++restarts_;
        log_warn("process not started program={} error=\"{}\"", options_.argv.front(), *last_end_);
        return false;
    }
    child_ = std::move(*child);
    ++restarts_;
    // stop() may have come while the child was being started and seen none.
    if (stopping_) child_->terminate(std::chrono::milliseconds{0});
    return true;
}

void ProcessSupervisor::run() {
    Backoff backoff(policy_.backoff_base, policy_.backoff_cap);
    for (;;) {
        std::shared_ptr<Subprocess> child;
        {
            const std::lock_guard lock(mutex_);
            child = child_;
        }
        if (child) {
            const auto result = child->wait(Deadline::never());
            if (result && result->duration >= policy_.healthy_after) backoff.reset();
            if (result) note_end(*result);
            child.reset();
        }
        if (!wait_before_restart(backoff.next())) return;
        static_cast<void>(launch());
    }
}

}  // namespace strandline::agent
