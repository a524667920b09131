#include "hub/broker/broker_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fmt/core.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "hub/broker/broker_config.h"

namespace strandline::hub {

namespace fs = std::filesystem;

namespace {

/// How often a wait looks whether the process is still there.
constexpr std::chrono::milliseconds look{100};
constexpr int stale_grace_ms = 5'000;
constexpr int max_wait_ms = 60'000;

/// The command line of a process, its parts separated by NUL; empty when it is gone. Files of
/// /proc have no size, so read_file() does not fit.
std::string command_line(int pid) {
    const auto fd = open_file(fmt::format("/proc/{}/cmdline", pid), 0);
    if (!fd) return {};
    std::array<char, 4096> text;
    const ssize_t count = ::read(fd->get(), text.data(), text.size());
    return count > 0 ? std::string(text.data(), static_cast<std::size_t>(count)) : std::string();
}

bool wait_readable(const UniqueFd& fd, int timeout_ms) {
    pollfd entry{fd.get(), POLLIN, 0};
    int ready = 0;
    do {
        ready = ::poll(&entry, 1, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready == 1;
}

}  // namespace

Result<std::shared_ptr<BrokerProcess>> BrokerProcess::start(const fs::path& program,
                                                            const fs::path& config) {
    auto process = std::make_shared<BrokerProcess>();
    ChildOptions options;
    options.argv = {program.string(), "-c", config.string()};
    options.working_folder = config.parent_path();
    options.standard_output = ChildOutput::discard;
    options.standard_error = ChildOutput::lines;
    options.on_line = [raw = process.get()](std::string_view line) { raw->on_line(line); };
    options.parent_death_signal = SIGTERM;  // it then saves what it keeps for clients
    TRY(process->child_, Subprocess::start(std::move(options)));
    return process;
}

void BrokerProcess::on_line(std::string_view line) {
    log_at(broker_log_level(line), "broker says line={}", line);
    const std::lock_guard lock(mutex_);
    if (line.starts_with("mosquitto version") && line.ends_with(" running")) ready_ = true;
    if (line.starts_with("Reloading config")) ++reloads_;
    if (line.starts_with("Error")) {
        last_error_ = line;
        port_taken_ = port_taken_ || line.find("Address already in use") != std::string_view::npos;
    }
    changed_.notify_all();
}

bool BrokerProcess::ready() const {
    if (!child_->running()) return false;
    const std::lock_guard lock(mutex_);
    return ready_;
}

Status BrokerProcess::wait_ready(Deadline deadline) {
    std::unique_lock lock(mutex_);
    while (!ready_) {
        if (deadline.passed()) return fail(Errc::timeout, "the broker does not become ready");
        // Its last lines are handed on before it counts as ended.
        if (!child_->running()) {
            if (port_taken_)
                return fail(Errc::conflict, "the broker's port is in use by another program");
            const auto ended = child_->result().value_or(ChildResult{});
            return fail(Errc::unavailable,
                        fmt::format("the broker {}: {}", ended.describe(), last_error_));
        }
        changed_.wait_for(lock, std::min<std::chrono::nanoseconds>(look, deadline.remaining()));
    }
    return {};
}

Status BrokerProcess::reload(Deadline deadline) {
    std::unique_lock lock(mutex_);
    const unsigned before = reloads_;
    TRY(child_->send_signal(SIGHUP));
    while (reloads_ == before) {
        if (!child_->running())
            return fail(Errc::unavailable, "the broker ended while it reloaded");
        if (deadline.passed()) return fail(Errc::timeout, "the broker does not confirm its reload");
        changed_.wait_for(lock, std::min<std::chrono::nanoseconds>(look, deadline.remaining()));
    }
    return {};
}

Status probe_listener(const std::string& address, std::uint16_t port, Deadline deadline) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int failed = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (failed != 0) {
        return fail(Errc::invalid,
                    fmt::format("broker address {}: {}", address, ::gai_strerror(failed)));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
    const UniqueFd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return error_from_errno("socket", errno);
    // The listener exists, so this ends at once; its backlog does not need the broker.
    if (::connect(fd.get(), found->ai_addr, found->ai_addrlen) != 0) {
        return fail(Errc::unavailable, fmt::format("connect to the broker at {}:{}: {}", address,
                                                   port, std::strerror(errno)));
    }
    constexpr std::string_view no_tls = "strandline\n";
    if (::send(fd.get(), no_tls.data(), no_tls.size(), MSG_NOSIGNAL) < 0) return {};  // turned away
    const auto span = std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining());
    if (wait_readable(fd, static_cast<int>(std::min<std::int64_t>(span.count(), max_wait_ms))))
        return {};
    return fail(Errc::timeout, fmt::format("the broker at {}:{} does not answer", address, port));
}

Status end_stale_broker(const fs::path& pid_file, const fs::path& config) {
    const auto text = read_text_file(pid_file, 32);
    int pid = 0;
    if (!text ||
        std::from_chars(text->data(), text->data() + text->size(), pid).ec != std::errc{} ||
        pid <= 1) {
        return {};
    }
    // The handle first: what it names cannot change between the look and the signal.
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process || command_line(pid).find(config.string()) == std::string::npos) return {};
    log_warn("broker of an earlier hub is still there pid={}", pid);
    for (const int signal : {SIGTERM, SIGKILL}) {
        ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0);
        if (wait_readable(process, stale_grace_ms)) return {};
    }
    return fail(Errc::conflict, fmt::format("an earlier broker (pid {}) cannot be ended", pid));
}

}  // namespace strandline::hub
