#pragma once

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"

namespace strandline {

/// What happens to one output stream of a child.
enum class ChildOutput {
    capture,  ///< kept, the last `max_captured_bytes` of it
    lines,    ///< each line goes to `on_line`
    discard,  ///< /dev/null
    inherit,  ///< our own stream
};

/// Ceilings for a child. They can only lower what we have ourselves, and a process without
/// CAP_SYS_RESOURCE can never raise them again. Core dumps are always off.
struct ChildLimits {
    /// Ignored where can_limit_address_space() is false.
    std::optional<std::uint64_t> address_space_bytes;
    std::optional<std::chrono::seconds> cpu;
    std::optional<std::uint64_t> file_size_bytes;
    std::optional<std::uint64_t> open_files;
    /// When memory runs out the kernel ends this child before anything else, us above all.
    bool first_out_of_memory = false;
};

struct ChildOptions {
    /// argv[0] is a path, or a name looked up on PATH.
    std::vector<std::string> argv;
    /// Added to, or replacing parts of, our own environment.
    std::vector<std::pair<std::string, std::string>> environment;
    bool clear_environment = false;
    std::filesystem::path working_folder;  ///< empty: ours
    ChildOutput standard_output = ChildOutput::capture;
    ChildOutput standard_error = ChildOutput::capture;
    /// Called on the child's own thread of ours, without the line end. Lines beyond 8 KiB are cut.
    std::function<void(std::string_view line)> on_line;
    std::size_t max_captured_bytes = std::size_t{64} << 10;  ///< of each stream
    ChildLimits limits;
    /// Sent to the child when we die without ending it. One that must save its state first gets
    /// SIGTERM, and can then outlive us for a moment.
    int parent_death_signal = SIGKILL;
    /// From the start; afterwards the child is ended as by terminate(). Zero: no limit.
    std::chrono::milliseconds time_limit{0};
    std::chrono::milliseconds grace{2'000};  ///< between SIGTERM and SIGKILL after the time limit
};

/// How a child ended.
struct ChildResult {
    std::optional<int> exit_code;
    std::optional<int> signal;
    bool timed_out = false;   ///< ended by us because of the time limit
    bool terminated = false;  ///< ended by us because of terminate()
    std::uint64_t max_rss_bytes = 0;
    std::chrono::microseconds cpu_time{0};
    std::chrono::milliseconds duration{0};
    std::string output;       ///< captured standard output
    std::string error;        ///< captured standard error
    bool output_cut = false;  ///< the beginning of `output` is missing
    bool error_cut = false;

    [[nodiscard]] bool success() const { return exit_code == 0 && !timed_out; }
    /// "exited with code 3", "was killed by signal 11 (Segmentation fault)", "ran longer than ...".
    [[nodiscard]] std::string describe() const;
};

/// A child process in its own process group, with /dev/null as standard input. It dies with us,
/// also when we are killed (PR_SET_PDEATHSIG), and no process of its group outlives it. One thread
/// of ours starts it, pumps its output and reaps it. All functions are thread-safe.
class Subprocess {
public:
    /// Returns once the program runs. A missing program is `not_found`, one that may not be
    /// executed `forbidden`.
    [[nodiscard]] static Result<std::unique_ptr<Subprocess>> start(ChildOptions options);
    /// Kills the group if it still runs, and waits for its end.
    ~Subprocess();
    Subprocess(const Subprocess&) = delete;
    Subprocess& operator=(const Subprocess&) = delete;

    [[nodiscard]] int pid() const;
    [[nodiscard]] bool running() const;
    /// Becomes and stays readable when the result is there: for an event loop. Owned by this.
    [[nodiscard]] int poll_fd() const;
    /// Blocks until the child ended; `timeout` when the deadline passes first, and the child then
    /// still runs. May be called again.
    [[nodiscard]] Result<ChildResult> wait(Deadline deadline) const;
    /// The result if the child ended.
    [[nodiscard]] std::optional<ChildResult> result() const;

    /// SIGTERM to the group now, SIGKILL after `grace`. Does not wait. Zero grace kills at once.
    void terminate(std::chrono::milliseconds grace);
    /// Sends a signal to the child alone; `not_found` once it has ended.
    [[nodiscard]] Status send_signal(int signal);

private:
    struct Impl;
    explicit Subprocess(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;  // shared with the thread that reaps the child
};

/// Starts a child and waits for its end. Blocks: call it on a worker.
[[nodiscard]] Result<ChildResult> run_child(ChildOptions options);

/// Full path of a program: as given when it holds a `/`, else searched on PATH and then in `extra`.
[[nodiscard]] Result<std::filesystem::path> find_program(
    std::string_view name, std::span<const std::filesystem::path> extra = {});

/// False in builds whose sanitizer reserves terabytes of address space.
[[nodiscard]] bool can_limit_address_space();

}  // namespace strandline
