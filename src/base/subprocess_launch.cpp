#include "base/subprocess_launch.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process_end.h"

namespace strandline::detail {
namespace {

struct Limit {
    int resource;
    struct rlimit value;
};

/// Everything the child needs, made before fork(): after it, only async-signal-safe calls are
/// allowed, because other threads may hold the allocator's lock at that moment.
struct Plan {
    std::string program;
    std::string folder;
    std::vector<std::string> environment_texts;
    std::vector<char*> argv;
    std::vector<char*> environment;
    std::vector<Limit> limits;
    UniqueFd null;
    UniqueFd output_write;
    UniqueFd error_write;
    UniqueFd report_write;
    int output_target = -1;  ///< fd that becomes 1; -1 keeps ours
    int error_target = -1;
    pid_t parent = -1;
    int death_signal = SIGKILL;
    int max_descriptors = 0;
    bool first_out_of_memory = false;
};

// Descriptors are close-on-exec for the most part; this is for those that a library opened without.
void close_descriptors_on_exec(int max_descriptors) {
    if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
    // Before Linux 5.11.
    for (int fd = 3; fd < max_descriptors; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int count_descriptors() {
    constexpr rlim_t most = 65'536;  // a higher limit is hardly ever used up
    struct rlimit current {};
    if (::getrlimit(RLIMIT_NOFILE, &current) != 0) return most;
    return static_cast<int>(std::min(current.rlim_cur, most));
}

/// What the child reports when it cannot become the program.
struct Failure {
    int step;
    int error_number;
};

constexpr std::array<const char*, 6> step_names{"protect against a dead parent",
                                                "make a process group",
                                                "redirect streams",
                                                "set limits",
                                                "enter the working folder",
                                                "execute"};

[[noreturn]] void child_fails(const Plan& plan, int step) {
    const Failure failure{step, errno};
    const ssize_t written = ::write(plan.report_write.get(), &failure, sizeof failure);
    ::_exit(written == sizeof failure ? 127 : 126);
}

void reset_signals() {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) {
        ::sigaction(signal, &action, nullptr);  // fails for SIGKILL and SIGSTOP, which have none
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Best effort: without /proc the kernel chooses by size, and takes the child as likely as us.
void offer_to_oom_killer() {
    constexpr std::string_view highest = "1000";
    const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    static_cast<void>(!::write(fd, highest.data(), highest.size()));
    ::close(fd);
}

/// Puts `from`, which is above 2, on `to`; -1 leaves `to` as it is.
bool redirect(int from, int to) { return from < 0 || ::dup2(from, to) >= 0; }

/// Runs between fork and exec.
[[noreturn]] void become_child(const Plan& plan) {
    // The parent may have died before prctl() took effect; then nobody would ever kill us.
    if (::prctl(PR_SET_PDEATHSIG, plan.death_signal) != 0) child_fails(plan, 0);
    if (::getppid() != plan.parent) ::_exit(126);
    if (::setpgid(0, 0) != 0) child_fails(plan, 1);
    reset_signals();
    if (!redirect(plan.null.get(), 0) || !redirect(plan.output_target, 1) ||
        !redirect(plan.error_target, 2)) {
        child_fails(plan, 2);
    }
    for (const auto& limit : plan.limits) {
        if (::setrlimit(static_cast<__rlimit_resource_t>(limit.resource), &limit.value) != 0) {
            child_fails(plan, 3);
        }
    }
    if (plan.first_out_of_memory) offer_to_oom_killer();
    if (!plan.folder.empty() && ::chdir(plan.folder.c_str()) != 0) child_fails(plan, 4);
    close_descriptors_on_exec(plan.max_descriptors);
    ::execve(plan.program.c_str(), plan.argv.data(), plan.environment.data());
    child_fails(plan, 5);
}

void add_limit(Plan& plan, int resource, std::uint64_t soft, std::uint64_t hard) {
    struct rlimit current {};
    ::getrlimit(static_cast<__rlimit_resource_t>(resource), &current);
    struct rlimit value {};
    value.rlim_max = std::min<rlim_t>(hard, current.rlim_max);
    value.rlim_cur = std::min<rlim_t>(soft, value.rlim_max);
    plan.limits.push_back({resource, value});
}

void plan_limits(Plan& plan, const ChildLimits& limits) {
    add_limit(plan, RLIMIT_CORE, 0, 0);
    if (limits.address_space_bytes && can_limit_address_space()) {
        add_limit(plan, RLIMIT_AS, *limits.address_space_bytes, *limits.address_space_bytes);
    }
    if (limits.cpu) {
        // SIGXCPU first, so that the reason can be told from a plain kill.
        const auto seconds =
            static_cast<std::uint64_t>(std::max<std::int64_t>(limits.cpu->count(), 1));
        add_limit(plan, RLIMIT_CPU, seconds, seconds + 1);
    }
    if (limits.file_size_bytes) {
        add_limit(plan, RLIMIT_FSIZE, *limits.file_size_bytes, *limits.file_size_bytes);
    }
    if (limits.open_files) add_limit(plan, RLIMIT_NOFILE, *limits.open_files, *limits.open_files);
}

void plan_environment(Plan& plan, const ChildOptions& options) {
    auto& texts = plan.environment_texts;
    if (!options.clear_environment) {
        for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
            const std::string_view text(*entry);
            const auto name = text.substr(0, text.find('='));
            const bool replaced =
                std::any_of(options.environment.begin(), options.environment.end(),
                            [name](const auto& added) { return added.first == name; });
            if (!replaced) texts.emplace_back(text);
        }
    }
    for (const auto& [name, value] : options.environment)
        texts.push_back(fmt::format("{}={}", name, value));
    for (auto& text : texts) plan.environment.push_back(text.data());
    plan.environment.push_back(nullptr);
}

/// Should our own standard streams be closed, a new descriptor may land on 0..2, where redirecting
/// one stream would overwrite another: moves it out of the way.
Result<UniqueFd> above_standard(UniqueFd fd) {
    if (fd.get() > STDERR_FILENO) return fd;
    const int moved = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved < 0) return error_from_errno("fcntl", errno);
    return UniqueFd(moved);
}

Status make_pipe(UniqueFd& read_end, UniqueFd& write_end) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return error_from_errno("pipe", errno);
    UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    TRY(read_end, above_standard(std::move(reader)));
    TRY(write_end, above_standard(std::move(writer)));
    return {};
}

/// Chooses the descriptor that becomes the child's stream; -1 keeps ours.
Result<int> plan_stream(ChildOutput mode, const UniqueFd& null, UniqueFd& read_end,
                        UniqueFd& write_end) {
    if (mode == ChildOutput::inherit) return -1;
    if (mode == ChildOutput::discard) return null.get();
    TRY(make_pipe(read_end, write_end));
    if (::fcntl(read_end.get(), F_SETFL, O_NONBLOCK) != 0) return error_from_errno("fcntl", errno);
    return write_end.get();
}

Status plan_streams(Plan& plan, const ChildOptions& options, Launched& launched) {
    TRY(auto null, open_file("/dev/null", O_RDWR));
    TRY(plan.null, above_standard(std::move(null)));
    TRY(plan.output_target,
        plan_stream(options.standard_output, plan.null, launched.output, plan.output_write));
    TRY(plan.error_target,
        plan_stream(options.standard_error, plan.null, launched.error, plan.error_write));
    return {};
}

/// Forks with every signal blocked, so that no handler of ours runs in the child.
pid_t fork_child(const Plan& plan) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = ::fork();
    if (pid == 0) become_child(plan);
    const int reason = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = reason;
    return pid;
}

/// Waits until the child became the program (end of file) or says why it cannot.
Status await_exec(int report, const std::string& program) {
    Failure failure{};
    ssize_t count = 0;
    do {
        count = ::read(report, &failure, sizeof failure);
    } while (count < 0 && errno == EINTR);
    if (count == 0) return {};
    if (count != sizeof failure) return fail(Errc::internal, "start " + program + ": no report");
    const char* step = step_names.at(static_cast<std::size_t>(failure.step));
    return error_from_errno(fmt::format("start {}: {}", program, step), failure.error_number);
}

void reap(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace

Result<Launched> launch(const ChildOptions& options) {
    if (options.argv.empty()) return fail(Errc::invalid, "start a program: argv is empty");
    Plan plan;
    Launched launched;
    TRY(const auto program, find_program(options.argv.front()));
    plan.program = program.string();
    plan.folder = options.working_folder.string();
    std::vector<std::string> arguments = options.argv;
    for (auto& argument : arguments) plan.argv.push_back(argument.data());
    plan.argv.push_back(nullptr);
    plan_environment(plan, options);
    plan_limits(plan, options.limits);
    TRY(plan_streams(plan, options, launched));
    UniqueFd report_read;
    TRY(make_pipe(report_read, plan.report_write));
    plan.parent = ::getpid();
    plan.max_descriptors = count_descriptors();
    plan.death_signal = options.parent_death_signal;
    plan.first_out_of_memory = options.limits.first_out_of_memory;

    launched.pid = fork_child(plan);
    if (launched.pid < 0) return error_from_errno("fork " + plan.program, errno);
    plan.report_write.reset();
    if (auto started = await_exec(report_read.get(), plan.program); !started) {
        reap(launched.pid);
        return std::move(started).error();
    }
    auto end = watch_process_end(launched.pid);
    if (!end) {
        ::kill(launched.pid, SIGKILL);
        reap(launched.pid);
        return std::move(end).error();
    }
    launched.end = *std::move(end);
    return launched;
}

}  // namespace strandline::detail
