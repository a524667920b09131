#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/subprocess.h"

namespace strandline::agent {

/// How a program that dies is started again.
struct RestartPolicy {
    std::chrono::milliseconds backoff_base{200};
    std::chrono::milliseconds backoff_cap{30'000};
    /// A run longer than this forgives earlier deaths.
    std::chrono::milliseconds healthy_after{60'000};
};

/// Keeps one program running: starts it again after every death, with back-off. One thread of its
/// own waits for the child. Thread-safe.
class ProcessSupervisor {
public:
    /// Starts the program; a program that cannot be started at all is an error.
    [[nodiscard]] static Result<std::unique_ptr<ProcessSupervisor>> start(ChildOptions options,
                                                                          RestartPolicy policy);
    /// stop() with no grace.
    ~ProcessSupervisor();
    ProcessSupervisor(const ProcessSupervisor&) = delete;
    ProcessSupervisor& operator=(const ProcessSupervisor&) = delete;

    /// Ends the program (SIGTERM, then SIGKILL) and the thread. Blocks up to the grace. Idempotent.
    void stop(std::chrono::milliseconds grace);

    /// How often it was started again, with or without success.
    [[nodiscard]] std::uint64_t restarts() const { return restarts_; }
    /// How it last ended, if it ever did.
    [[nodiscard]] std::optional<std::string> last_end() const;
    /// Of the child that runs now; 0 between two runs.
    [[nodiscard]] int pid() const;

private:
    ProcessSupervisor(ChildOptions options, RestartPolicy policy,
                      std::unique_ptr<Subprocess> first);
    void run();
    void note_end(const ChildResult& result);
    /// False when it is time to stop.
    [[nodiscard]] bool wait_before_restart(std::chrono::milliseconds wait);
    [[nodiscard]] bool launch();

    const ChildOptions options_;
    const RestartPolicy policy_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::shared_ptr<Subprocess> child_;  // shared: stop() signals it while run() waits on it
    std::optional<std::string> last_end_;
    std::atomic<std::uint64_t> restarts_{0};
    std::thread thread_;
};

}  // namespace strandline::agent
