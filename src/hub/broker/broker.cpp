#include "hub/broker/broker.h"

#include <array>
#include <charconv>
#include <condition_variable>
#include <fmt/core.h>
#include <mutex>
#include <thread>

#include "base/backoff.h"
#include "base/file.h"
#include "base/log.h"
#include "base/subprocess.h"
#include "hub/broker/broker_config.h"
#include "hub/broker/broker_process.h"

namespace strandline::hub {

namespace fs = std::filesystem;

namespace {

constexpr int max_port_attempts = 10;
/// A run that lasted this long was a good one: the next restart comes soon again.
constexpr std::chrono::seconds stable_after{10};

Result<fs::path> find_broker(const std::string& name) {
    const std::array<fs::path, 2> extra{"/usr/sbin", "/usr/local/sbin"};
    auto program = find_program(name, extra);
    if (!program) {
        return context("broker (set [mqtt] mode = \"external\" to use another one)",
                       program.error());
    }
    return program;
}

/// The port of an earlier start; 0 when there was none.
std::uint16_t remembered_port(const fs::path& file) {
    const auto text = read_text_file(file, 16);
    std::uint16_t port = 0;
    if (text) std::from_chars(text->data(), text->data() + text->size(), port);
    return port;
}

Status remember_port(const fs::path& file, std::uint16_t port) {
    return write_file_atomically(file, as_bytes(std::to_string(port)));
}

}  // namespace

struct Broker::Impl {
    explicit Impl(BrokerOptions options_in) : options(std::move(options_in)) {}

    BrokerOptions options;
    fs::path program;
    std::optional<LockFile> lock_file;
    BrokerPorts ports;
    std::thread supervisor;
    std::mutex acl_mutex;  // of options.muted and its file

    mutable std::mutex mutex;
    std::condition_variable changed;
    bool stopping = false;
    unsigned restarts = 0;
    // Shared with callers that reload or wait while the supervisor replaces it.
    std::shared_ptr<BrokerProcess> process;

    [[nodiscard]] fs::path config_file() const { return options.folder / "mosquitto.conf"; }
    [[nodiscard]] fs::path pid_file() const { return options.folder / "pid"; }

    Status prepare();
    Status write_acl();
    Status choose_ports(bool first);
    Status start_first();
    Status run_once();
    Result<std::shared_ptr<BrokerProcess>> spawn();
    void supervise();
    bool pause(std::chrono::milliseconds span);
    [[nodiscard]] std::shared_ptr<BrokerProcess> current() const {
        const std::lock_guard lock(mutex);
        return process;
    }
};

Status Broker::Impl::prepare() {
    TRY(program, find_broker(options.program));
    TRY(make_folders(options.folder));
    // mosquitto reads relative paths from its own working folder.
    for (auto* path : {&options.folder, &options.ca_file, &options.certificate_file,
                       &options.key_file, &options.crl_file}) {
        if (!path->empty()) *path = fs::absolute(*path);
    }
    TRY(check_broker_options(options));
    TRY(auto held, LockFile::acquire(options.folder / "lock"));
    lock_file.emplace(std::move(held));
    TRY(end_stale_broker(pid_file(), config_file()));
    TRY(write_acl());
    // Empty: nobody can log in by name on the plain listener. Without the file, anybody could.
    return write_file_atomically(options.folder / "passwords", {});
}

Status Broker::Impl::write_acl() {
    return write_file_atomically(options.folder / "acl", as_bytes(broker_acl(options)));
}

/// Free ports are kept over restarts of the hub where possible, because devices know them.
Status Broker::Impl::choose_ports(bool first) {
    const auto choose = [first](std::uint16_t wanted, const fs::path& memory,
                                const std::string& address) -> Result<std::uint16_t> {
        if (wanted != 0) return wanted;
        const auto before = first ? remembered_port(memory) : std::uint16_t{0};
        if (before != 0) return before;
        return pick_free_port(address);
    };
    TRY(ports.tls, choose(options.port, options.folder / "port", options.address));
    if (!options.plain_listener) return {};
    const auto& plain = *options.plain_listener;
    TRY(ports.plain, choose(plain.port, options.folder / "plain_port", plain.address));
    return {};
}

Result<std::shared_ptr<BrokerProcess>> Broker::Impl::spawn() {
    TRY(auto started, BrokerProcess::start(program, config_file()));
    const auto pid = std::to_string(started->pid());
    if (auto written = write_file_atomically(pid_file(), as_bytes(pid)); !written) {
        log_warn("broker pid file not written reason={}", written.error().message);
    }
    const std::lock_guard lock(mutex);
    process = started;
    if (stopping) process->terminate(options.stop_timeout);
    return started;
}

Status Broker::Impl::run_once() {
    TRY(const auto started, spawn());
    const auto deadline = Deadline::after(options.start_timeout);
    auto ready = started->wait_ready(deadline);
    if (ready) ready = probe_listener(options.address, ports.tls, deadline);
    if (!ready) started->terminate(std::chrono::milliseconds{0});
    changed.notify_all();
    return ready;
}

Status Broker::Impl::start_first() {
    const bool fixed =
        options.port != 0 && (!options.plain_listener || options.plain_listener->port != 0);
    for (int attempt = 0;; ++attempt) {
        TRY(choose_ports(attempt == 0));
        TRY(write_file_atomically(config_file(), as_bytes(broker_config(options, ports))));
        auto started = run_once();
        if (started) break;
        const bool again =
            started.error().code == Errc::conflict && !fixed && attempt < max_port_attempts;
        if (!again) {
            const auto where = fmt::format("broker on {}:{}", options.address, ports.tls);
            return context(where, std::move(started).error());
        }
    }
    if (options.port == 0) TRY(remember_port(options.folder / "port", ports.tls));
    if (ports.plain != 0 && options.plain_listener->port == 0) {
        TRY(remember_port(options.folder / "plain_port", ports.plain));
    }
    log_info("broker runs address={} port={} plain_port={}", options.address, ports.tls,
             ports.plain);
    return {};
}

/// True when it may go on.
bool Broker::Impl::pause(std::chrono::milliseconds span) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, span, [this] { return stopping; });
    return !stopping;
}

void Broker::Impl::supervise() {
    Backoff backoff(options.backoff_base, options.backoff_cap);
    for (;;) {
        const auto began = system_clock().steady();
        const auto running = current();
        const auto ended = running->wait_end();
        changed.notify_all();
        if (!pause(std::chrono::milliseconds{0})) return;
        log_error("broker ended unexpectedly, starting it again how={}",
                  ended ? ended->describe() : ended.error().message);
        if (system_clock().steady() - began >= stable_after) backoff.reset();
        for (;;) {
            if (!pause(backoff.next())) return;
            {
                const std::lock_guard lock(mutex);
                ++restarts;
            }
            const auto started = run_once();
            if (started) break;
            log_error("broker does not start reason={}", started.error().message);
        }
        log_info("broker runs again port={}", ports.tls);
    }
}

Broker::Broker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Broker::~Broker() { stop(); }

Result<std::unique_ptr<Broker>> Broker::start(BrokerOptions options) {
    auto impl = std::make_unique<Impl>(std::move(options));
    TRY(impl->prepare());
    TRY(impl->start_first());
    impl->supervisor = std::thread([raw = impl.get()] { raw->supervise(); });
    return std::unique_ptr<Broker>(new Broker(std::move(impl)));
}

std::uint16_t Broker::port() const { return impl_->ports.tls; }

std::uint16_t Broker::plain_port() const { return impl_->ports.plain; }

bool Broker::running() const { return impl_->current()->ready(); }

int Broker::pid() const { return impl_->current()->pid(); }

unsigned Broker::restarts() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->restarts;
}

Status Broker::wait_running(Deadline deadline) {
    for (;;) {
        if (running()) return {};
        std::unique_lock lock(impl_->mutex);
        if (impl_->stopping) return fail(Errc::cancelled, "the broker is being stopped");
        if (deadline.passed()) return fail(Errc::timeout, "the broker does not run");
        const auto span =
            std::min<std::chrono::nanoseconds>(deadline.remaining(), std::chrono::milliseconds{50});
        impl_->changed.wait_for(lock, span);
    }
}

Status Broker::reload(Deadline deadline) { return impl_->current()->reload(deadline); }

Status Broker::mute(const std::function<std::vector<std::string>()>& names, Deadline deadline) {
    {
        const std::lock_guard lock(impl_->acl_mutex);
        impl_->options.muted = names();
        TRY(impl_->write_acl());
    }
    return reload(deadline);
}

void Broker::stop() {
    {
        const std::lock_guard lock(impl_->mutex);
        if (impl_->stopping) return;
        impl_->stopping = true;
        impl_->process->terminate(impl_->options.stop_timeout);
        impl_->changed.notify_all();
    }
    impl_->supervisor.join();
    ignore(impl_->process->wait_end(), "it was told to end, and killed if it did not");
    ignore(remove_file(impl_->pid_file()), "a stale pid file is checked before it is believed");
}

}  // namespace strandline::hub
