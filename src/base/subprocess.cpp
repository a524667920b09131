#include "base/subprocess.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fmt/core.h>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "base/log.h"
#include "base/subprocess_launch.h"
#include "base/subprocess_output.h"

namespace strandline {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds max_poll{60'000};

void wake(const UniqueFd& event) {
    const std::uint64_t one = 1;
    const ssize_t written = ::write(event.get(), &one, sizeof one);
    STRANDLINE_ASSERT(written == sizeof one || errno == EAGAIN);
}

void clear(const UniqueFd& event) {
    std::uint64_t count = 0;
    const ssize_t got = ::read(event.get(), &count, sizeof count);
    STRANDLINE_ASSERT(got == sizeof count || errno == EAGAIN);
}

Result<UniqueFd> make_event() {
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) return error_from_errno("eventfd", errno);
    return event;
}

std::chrono::microseconds to_duration(const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
}

}  // namespace

/// Shared by the owner and the thread of the child. The thread alone forks, reads and reaps, for
/// two reasons: PR_SET_PDEATHSIG fires when the thread that forked ends, not only the process; and
/// a process id is safe to signal only while nobody can reap it, which `mutex` guards.
struct Subprocess::Impl {
    ChildOptions options;
    std::thread thread;
    UniqueFd wake_event;  ///< tells the thread that a request is there
    UniqueFd done_event;  ///< readable once `result` is set

    mutable std::mutex mutex;
    mutable std::condition_variable changed;
    bool started = false;
    Status start_status;
    pid_t pid = -1;
    bool reaped = false;
    std::optional<Deadline> kill_at;  ///< SIGTERM was sent; SIGKILL follows
    bool terminated = false;
    bool timed_out = false;
    std::optional<ChildResult> result;

    void run();
    void pump(const detail::Launched& child, detail::OutputReader& output,
              detail::OutputReader& error, Deadline limit);
    void request_end(std::chrono::milliseconds grace);
    void act_on_deadlines(Deadline limit);
    [[nodiscard]] int next_timeout(Deadline limit) const;
    void signal_group(int signal) const;
    void collect(const detail::Launched& child, detail::OutputReader& output,
                 detail::OutputReader& error, SteadyTime began);
    void publish_start(Status status, pid_t child);
};

void Subprocess::Impl::publish_start(Status status, pid_t child) {
    const std::lock_guard lock(mutex);
    started = true;
    start_status = std::move(status);
    pid = child;
    changed.notify_all();
}

void Subprocess::Impl::run() {
    const auto began = system_clock().steady();
    auto child = detail::launch(options);
    if (!child) {
        publish_start(child.error(), -1);
        return;
    }
    const auto limit =
        options.time_limit.count() > 0 ? Deadline::after(options.time_limit) : Deadline::never();
    detail::OutputReader output(std::move(child->output), options.standard_output,
                                options.max_captured_bytes, options.on_line);
    detail::OutputReader error(std::move(child->error), options.standard_error,
                               options.max_captured_bytes, options.on_line);
    publish_start({}, child->pid);
    pump(*child, output, error, limit);
    collect(*child, output, error, began);
}

/// Until the child is dead, though not yet reaped.
void Subprocess::Impl::pump(const detail::Launched& child, detail::OutputReader& output,
                            detail::OutputReader& error, Deadline limit) {
    for (;;) {
        act_on_deadlines(limit);
        std::array<pollfd, 4> fds{{{child.end.get(), POLLIN, 0},
                                   {wake_event.get(), POLLIN, 0},
                                   {output.fd(), POLLIN, 0},
                                   {error.fd(), POLLIN, 0}}};
        const int ready = ::poll(fds.data(), fds.size(), next_timeout(limit));
        STRANDLINE_ASSERT(ready >= 0 || errno == EINTR);
        if (ready <= 0) continue;
        if (fds[1].revents != 0) clear(wake_event);
        if (fds[2].revents != 0) output.drain();
        if (fds[3].revents != 0) error.drain();
        if (fds[0].revents != 0) return;
    }
}

void Subprocess::Impl::act_on_deadlines(Deadline limit) {
    const std::lock_guard lock(mutex);
    if (!timed_out && !kill_at && limit.passed()) {
        timed_out = true;
        request_end(options.grace);
    }
    if (kill_at && kill_at->passed()) {
        signal_group(SIGKILL);
        kill_at = Deadline::never();
    }
}

/// With the mutex held.
void Subprocess::Impl::request_end(std::chrono::milliseconds grace) {
    if (grace.count() > 0 && !kill_at) signal_group(SIGTERM);
    const auto wanted = Deadline::after(grace);
    kill_at = kill_at ? kill_at->earlier(wanted) : wanted;
}

int Subprocess::Impl::next_timeout(Deadline limit) const {
    const std::lock_guard lock(mutex);
    const auto until = kill_at ? *kill_at : limit;
    const auto span = std::chrono::ceil<std::chrono::milliseconds>(until.remaining());
    return static_cast<int>(std::min(span, max_poll).count());
}

/// With the mutex held. The zombie, if it is one, still holds the group's number.
void Subprocess::Impl::signal_group(int signal) const {
    if (pid > 0 && !reaped) ::kill(-pid, signal);
}

void Subprocess::Impl::collect(const detail::Launched& child, detail::OutputReader& output,
                               detail::OutputReader& error, SteadyTime began) {
    int status = 0;
    struct rusage usage {};
    {
        const std::lock_guard lock(mutex);
        signal_group(SIGKILL);  // what the child left behind in its group
        pid_t reaped_pid = 0;
        do {
            reaped_pid = ::wait4(child.pid, &status, 0, &usage);
        } while (reaped_pid < 0 && errno == EINTR);
        reaped = true;
    }
    // Output written before the end is in the pipe. A descendant that left the group may keep it
    // open for ever, so read what is there instead of waiting for the end of the stream.
    for (auto* reader : {&output, &error}) {
        reader->drain();
        reader->finish();
    }
    ChildResult ended;
    if (WIFEXITED(status)) ended.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) ended.signal = WTERMSIG(status);
    ended.max_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
    ended.cpu_time = to_duration(usage.ru_utime) + to_duration(usage.ru_stime);
    ended.duration =
        std::chrono::duration_cast<std::chrono::milliseconds>(system_clock().steady() - began);
    ended.output = output.take_text();
    ended.error = error.take_text();
    ended.output_cut = output.cut();
    ended.error_cut = error.cut();
    const std::lock_guard lock(mutex);
    ended.timed_out = timed_out;
    ended.terminated = terminated;
    result = std::move(ended);
    wake(done_event);
    changed.notify_all();
}

Subprocess::Subprocess(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Subprocess>> Subprocess::start(ChildOptions options) {
    auto impl = std::make_shared<Impl>();
    impl->options = std::move(options);
    TRY(impl->wake_event, make_event());
    TRY(impl->done_event, make_event());
    try {
        impl->thread = std::thread([impl] { impl->run(); });
    } catch (const std::system_error& error) {
        return fail(Errc::exhausted, std::string("start a thread: ") + error.what());
    }
    std::unique_ptr<Subprocess> process(new Subprocess(impl));
    std::unique_lock lock(impl->mutex);
    impl->changed.wait(lock, [&impl] { return impl->started; });
    if (!impl->start_status) return impl->start_status.error();
    lock.unlock();
    return process;
}

Subprocess::~Subprocess() {
    terminate(std::chrono::milliseconds{0});
    impl_->thread.join();
}

int Subprocess::pid() const { return impl_->pid; }

bool Subprocess::running() const {
    const std::lock_guard lock(impl_->mutex);
    return !impl_->result;
}

int Subprocess::poll_fd() const { return impl_->done_event.get(); }

Result<ChildResult> Subprocess::wait(Deadline deadline) const {
    std::unique_lock lock(impl_->mutex);
    const auto done = [this] { return impl_->result.has_value(); };
    // wait_until(time_point::max()) overflows in some libraries; a long span does not.
    while (!done()) {
        if (deadline.passed()) {
            return fail(Errc::timeout, fmt::format("{} (pid {}) still runs",
                                                   impl_->options.argv.front(), impl_->pid));
        }
        const auto span = std::min<std::chrono::nanoseconds>(deadline.remaining(), max_poll);
        impl_->changed.wait_for(lock, span, done);
    }
    return *impl_->result;
}

std::optional<ChildResult> Subprocess::result() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->result;
}

void Subprocess::terminate(std::chrono::milliseconds grace) {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->pid < 0 || impl_->reaped) return;
    impl_->terminated = true;
    impl_->request_end(grace);
    wake(impl_->wake_event);
}

Status Subprocess::send_signal(int signal) {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->reaped) {
        return fail(Errc::not_found, impl_->options.argv.front() + " has ended");
    }
    if (::kill(impl_->pid, signal) != 0) return error_from_errno("kill", errno);
    return {};
}

std::string ChildResult::describe() const {
    if (timed_out) return fmt::format("was ended after {} ms, its time limit", duration.count());
    if (signal) return fmt::format("was killed by signal {} ({})", *signal, ::strsignal(*signal));
    return fmt::format("exited with code {}", exit_code.value_or(-1));
}

Result<ChildResult> run_child(ChildOptions options) {
    TRY(const auto process, Subprocess::start(std::move(options)));
    return process->wait(Deadline::never());
}

Result<fs::path> find_program(std::string_view name, std::span<const fs::path> extra) {
    if (name.empty()) return fail(Errc::invalid, "find a program: the name is empty");
    if (name.find('/') != std::string_view::npos) return fs::path(name);
    std::vector<fs::path> folders;
    const char* path = std::getenv("PATH");
    std::string_view rest = path != nullptr ? path : "/usr/bin:/bin";
    while (!rest.empty()) {
        const auto end = std::min(rest.find(':'), rest.size());
        if (end > 0) folders.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    folders.insert(folders.end(), extra.begin(), extra.end());
    for (const auto& folder : folders) {
        const auto candidate = folder / name;
        std::error_code ignored;
        if (fs::is_regular_file(candidate, ignored) && ::access(candidate.c_str(), X_OK) == 0) {
            return candidate;
        }
    }
    return fail(Errc::not_found, fmt::format("program {} is not on PATH; install it", name));
}

bool can_limit_address_space() {
#if defined(STRANDLINE_ADDRESS_SANITIZER) || defined(__SANITIZE_THREAD__)
    return false;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return false;
#else
    return true;
#endif
#else
    return true;
#endif
}

}  // namespace strandline
