#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/subprocess.h"

namespace strandline::hub {

/// One run of mosquitto, which tells its state only by what it logs. Thread-safe.
class BrokerProcess {
public:
    /// Returns once the program runs; it does not accept connections yet.
    [[nodiscard]] static Result<std::shared_ptr<BrokerProcess>> start(
        const std::filesystem::path& program, const std::filesystem::path& config);

    /// Waits until it accepts connections. When it ends instead: `conflict` for a taken port, else
    /// `unavailable` with its last complaint.
    [[nodiscard]] Status wait_ready(Deadline deadline);
    [[nodiscard]] bool ready() const;
    [[nodiscard]] int pid() const { return child_->pid(); }
    /// Blocks until it has ended.
    [[nodiscard]] Result<ChildResult> wait_end() const { return child_->wait(Deadline::never()); }

    /// SIGHUP, then waits for the line that confirms it.
    [[nodiscard]] Status reload(Deadline deadline);
    void terminate(std::chrono::milliseconds grace) { child_->terminate(grace); }

private:
    void on_line(std::string_view line);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool ready_ = false;
    bool port_taken_ = false;
    unsigned reloads_ = 0;
    std::string last_error_;
    std::unique_ptr<Subprocess> child_;  // last: its thread uses the rest until it is joined
};

/// Whether a TLS listener is served: sends it what is no TLS and waits to be turned away. mosquitto
/// says that it runs a moment before it does, and a SIGTERM in that moment would be lost.
[[nodiscard]] Status probe_listener(const std::string& address, std::uint16_t port,
                                    Deadline deadline);

/// Ends a broker that was started with this configuration by a process that is gone now.
[[nodiscard]] Status end_stale_broker(const std::filesystem::path& pid_file,
                                      const std::filesystem::path& config);

}  // namespace strandline::hub
