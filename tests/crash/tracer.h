#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <sys/types.h>

#include "base/file.h"
#include "base/result.h"
#include "crash/call.h"
#include "crash/durable_image.h"
#include "crash/plan.h"

namespace strandline::crash {

inline constexpr int stopped_exit_code = 99;

/// Runs the program of a plan under ptrace. Counted calls run one at a time, also those of
/// different threads, so that each run is an order of whole calls.
class Tracer {
public:
    explicit Tracer(const Plan& plan) : plan_(&plan) {}

    /// The exit code to end with.
    [[nodiscard]] Result<int> run();

private:
    [[nodiscard]] Status start();
    [[nodiscard]] Status loop();
    [[nodiscard]] Status on_stop(pid_t thread, int status);
    [[nodiscard]] Status on_seccomp(pid_t thread);
    [[nodiscard]] Status begin_next();
    [[nodiscard]] Status begin(pid_t thread);
    [[nodiscard]] Status act_before(pid_t thread, bool chosen);
    [[nodiscard]] Status finish(pid_t thread);
    void on_end(pid_t thread, int status);
    [[nodiscard]] bool is_chosen(const std::string& name) const;
    [[nodiscard]] bool is_counted(pid_t thread) const;
    [[nodiscard]] Status stop_everything();
    void resume(pid_t thread, int how, int signal = 0) const;

    const Plan* plan_;
    pid_t main_ = -1;
    std::optional<DurableImage> image_;
    UniqueFd trace_;
    std::set<pid_t> threads_;
    std::deque<pid_t> waiting_;  ///< threads stopped before a call, until theirs is next
    pid_t active_ = -1;          ///< thread whose call is under way
    Call call_;                  ///< that call
    bool skipped_ = false;       ///< and it was made to fail
    bool chosen_ = false;
    bool failing_ = false;  ///< a lasting failure has begun
    std::map<std::string, unsigned> counts_;
    std::uint64_t number_ = 0;
    bool stopped_ = false;
    int exit_code_ = 0;
};

}  // namespace strandline::crash
