#include "crash/tracer.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/core.h>
#include <fstream>
#include <iostream>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/seccomp_filter.h"

namespace strandline::crash {
namespace {

constexpr int trouble_exit_code = 98;
constexpr int signal_exit_base = 128;

// The only mutable global: a signal handler can reach nothing else.
volatile std::sig_atomic_t forward_to = 0;

void forward(int signal) {
    if (forward_to > 0) ::kill(forward_to, signal);
}

/// In the new process: waits until it is traced, then becomes the program.
[[noreturn]] void become(const Plan& plan, int ready) {
    char byte = 0;
    if (::read(ready, &byte, 1) != 1) std::_Exit(trouble_exit_code);
    ::close(ready);
    if (const auto filtered = install_filter(plan.reads); !filtered) {
        std::cerr << "crashpoint: " << filtered.error().message << "\n";
        std::_Exit(trouble_exit_code);
    }
    std::vector<char*> arguments;
    arguments.reserve(plan.command.size() + 1);
    for (const auto& word : plan.command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments.front(), arguments.data());
    std::cerr << "crashpoint: " << plan.command.front() << ": cannot be started\n";
    std::_Exit(trouble_exit_code);
}

pid_t process_of(pid_t thread) {
    std::ifstream status(fmt::format("/proc/{}/status", thread));
    std::string word;
    while (status >> word) {
        if (word != "Tgid:") continue;
        pid_t process = -1;
        status >> process;
        return process;
    }
    return -1;
}

void end_process_of(pid_t thread) {
    const auto process = process_of(thread);
    if (process > 0) ::kill(process, SIGKILL);  // -1 would be everybody
}

/// Whether a disk in that trouble would refuse the call too.
bool is_hit_by(const Call& call, int error) {
    if (error == ENOSPC) return call.needs_space();
    if (error == EROFS) return call.effect() != Effect::sync;
    return true;
}

}  // namespace

void Tracer::resume(pid_t thread, int how, int signal) const {
    // The thread may be gone by now, and waitpid() says so then.
    ::ptrace(static_cast<__ptrace_request>(how), thread, 0, signal);
}

Status Tracer::start() {
    int ready[2];
    if (::pipe2(ready, O_CLOEXEC) != 0) return error_from_errno("pipe", errno);
    UniqueFd read_end(ready[0]);
    UniqueFd write_end(ready[1]);
    main_ = ::fork();
    if (main_ < 0) return error_from_errno("fork", errno);
    if (main_ == 0) {
        write_end.reset();
        become(*plan_, read_end.release());
    }
    constexpr auto options = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE |
                             PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACESYSGOOD;
    if (::ptrace(PTRACE_SEIZE, main_, 0, options) != 0)
        return error_from_errno("ptrace(seize)", errno);
    threads_.insert(main_);
    forward_to = main_;
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) std::signal(signal, forward);
    return write_all(write_end.get(), as_bytes("!"));
}

Result<int> Tracer::run() {
    if (plan_->action == Action::cut_power || plan_->action == Action::cut_data) {
        TRY(image_, DurableImage::open(plan_->root));
    }
    if (!plan_->trace.empty()) {
        TRY(trace_, open_file(plan_->trace, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND));
    }
    TRY(start());
    TRY(loop());
    if (!stopped_) return exit_code_;
    if (image_) TRY(image_->restore(plan_->action == Action::cut_data ? Lose::data : Lose::all));
    return stopped_exit_code;
}

Status Tracer::loop() {
    while (!threads_.empty()) {
        int status = 0;
        const pid_t thread = ::waitpid(-1, &status, __WALL);
        if (thread < 0 && errno == EINTR) continue;
        if (thread < 0) break;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            on_end(thread, status);
        } else if (stopped_) {
            // Of a process that was being born while the others were ended.
            end_process_of(thread);
        } else {
            threads_.insert(thread);
            TRY(on_stop(thread, status));
        }
        if (!stopped_) TRY(begin_next());
    }
    return {};
}

void Tracer::on_end(pid_t thread, int status) {
    threads_.erase(thread);
    waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), thread), waiting_.end());
    if (thread == active_) active_ = -1;
    if (thread != main_) return;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : signal_exit_base + WTERMSIG(status);
}

Status Tracer::on_stop(pid_t thread, int status) {
    const int signal = WSTOPSIG(status);
    const int event = status >> 16;
    if (event == PTRACE_EVENT_SECCOMP) return on_seccomp(thread);
    if (signal == (SIGTRAP | 0x80)) return finish(thread);
    if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
        resume(thread, PTRACE_LISTEN);
    } else {
        resume(thread, PTRACE_CONT, event == 0 ? signal : 0);
    }
    return {};
}

bool Tracer::is_counted(pid_t thread) const {
    return plan_->children || process_of(thread) == main_;
}

Status Tracer::on_seccomp(pid_t thread) {
    // A power cut needs to know what children do, too.
    if (!image_ && !is_counted(thread)) {
        resume(thread, PTRACE_CONT);
        return {};
    }
    waiting_.push_back(thread);
    return {};
}

Status Tracer::begin_next() {
    while (active_ < 0 && !stopped_ && !waiting_.empty()) {
        const pid_t thread = waiting_.front();
        waiting_.pop_front();
        TRY(begin(thread));
    }
    return {};
}

Status Tracer::begin(pid_t thread) {
    const auto raw = read_call(thread);
    auto call = raw ? decode(thread, *raw, plan_->root) : Result<std::optional<Call>>(raw.error());
    // Killed meanwhile, or a bad address: the kernel judges.
    if (!call || !*call) {
        resume(thread, PTRACE_CONT);
        return {};
    }
    call_ = std::move(**call);
    active_ = thread;
    skipped_ = false;
    chosen_ = false;
    if (is_counted(thread)) {
        ++number_;
        const auto name = fmt::format("{}#{}", call_.label, ++counts_[call_.label]);
        if (trace_) TRY(write_all(trace_.get(), as_bytes(name + "\n")));
        chosen_ = is_chosen(name);
        if (chosen_) std::cerr << "crashpoint: at " << name << "\n";
        TRY(act_before(thread, chosen_));
        if (stopped_) return {};
    }
    if (image_ && !skipped_) TRY(image_->before(call_));
    resume(thread, PTRACE_SYSCALL);
    return {};
}

bool Tracer::is_chosen(const std::string& name) const {
    return plan_->action != Action::none &&
           (plan_->at == name || plan_->at == std::to_string(number_));
}

Status Tracer::act_before(pid_t thread, bool chosen) {
    switch (plan_->action) {
        case Action::stop_before:
        case Action::cut_power:
        case Action::cut_data:
            return chosen ? stop_everything() : Status{};
        case Action::fail_call:
            failing_ = failing_ || (chosen && plan_->lasting);
            skipped_ = chosen || (failing_ && is_hit_by(call_, plan_->error));
            return skipped_ ? skip_call(thread) : Status{};
        case Action::short_call: {
            const int count = call_.info->count;
            if (!chosen || count < 0 || call_.raw.arguments[count] < 2) return {};
            return replace_argument(thread, count, call_.raw.arguments[count] / 2);
        }
        default:
            return {};
    }
}

Status Tracer::finish(pid_t thread) {
    if (thread != active_) {
        resume(thread, PTRACE_CONT);
        return {};
    }
    if (chosen_ && plan_->action == Action::stop_after) return stop_everything();
    if (skipped_) {
        TRY(set_outcome(thread, -plan_->error));
    } else if (image_) {
        TRY(const auto outcome, read_outcome(thread));
        if (outcome >= 0) TRY(image_->after(call_));
    }
    active_ = -1;
    resume(thread, PTRACE_CONT);
    return {};
}

Status Tracer::stop_everything() {
    stopped_ = true;
    for (const auto thread : threads_) end_process_of(thread);
    return {};
}

}  // namespace strandline::crash
