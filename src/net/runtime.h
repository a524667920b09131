#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/deadline.h"
#include "base/result.h"
#include "base/worker_pool.h"

namespace strandline::net {

namespace asio = boost::asio;

template <class T>
using Task = asio::awaitable<Result<T>>;

/// How long blocking work takes: what reads or writes whole files must not keep short questions
/// waiting.
enum class Work { brief, lengthy };

/// The event loop of a program: one I/O thread, on which every coroutine of `net` and its callers
/// runs, and bounded pools for blocking work. Create one, wire everything, call run().
class Runtime {
public:
    struct Options {
        std::size_t worker_threads = 2;
        std::size_t max_queued_work = 1024;  ///< of each pool
        std::size_t lengthy_threads = 0;     ///< of their own; 0: lengthy work shares the others
    };

    explicit Runtime(Options options);
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    [[nodiscard]] asio::any_io_executor executor() const;
    [[nodiscard]] WorkerPool& workers();
    /// Runs what is queued on the pools, then joins them. Idempotent.
    void stop_workers();

    /// Starts a coroutine on the I/O thread. An exception that leaves it ends the process.
    /// Thread-safe.
    void spawn(asio::awaitable<void> coroutine);
    /// Runs a function on the I/O thread. Thread-safe.
    void post(std::function<void()> function);

    /// Runs the loop on the calling thread until stop().
    void run();
    /// Ends run() once; pending coroutines are destroyed with the Runtime. Thread- and signal-safe.
    void stop();
    /// Calls `handler` on the I/O thread at SIGTERM or SIGINT (first one graceful; a second one
    /// of the same kind ends the process at once), and `reload` at SIGHUP.
    void on_signals(std::function<void()> handler, std::function<void()> reload = {});

    /// Runs the loop until one coroutine is done: for the command line and tests.
    template <class T>
    [[nodiscard]] Result<T> block_on(Task<T> task);

    /// Runs `work` on a pool and resumes on the I/O thread. Everything `work` refers to must
    /// outlive it, so capture by value. A full pool is `exhausted`.
    template <class T>
    [[nodiscard]] Task<T> offload(std::function<Result<T>()> work, Work kind = Work::brief);

private:
    asio::awaitable<Status> run_on_worker(std::function<void()> work, Work kind);
    void run_until_done(asio::awaitable<void> coroutine);

    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Waits on the timer of the calling coroutine's executor. Ends early when the coroutine is
/// cancelled.
[[nodiscard]] asio::awaitable<void> sleep_for(std::chrono::nanoseconds span);

/// A wake-up call between coroutines of the I/O thread, coalescing: many notify() calls before the
/// wait wake it once. One coroutine waits at a time; with several, use one Signal each.
class Signal {
public:
    explicit Signal(const asio::any_io_executor& executor);
    ~Signal();
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;

    void notify();
    /// True when notified, false when the deadline passed first.
    [[nodiscard]] asio::awaitable<bool> wait(Deadline deadline);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

template <class T>
Task<T> Runtime::offload(std::function<Result<T>()> work, Work kind) {
    auto slot = std::make_shared<std::optional<Result<T>>>();
    std::function<void()> task = [slot, work = std::move(work)] { slot->emplace(work()); };
    auto accepted = co_await run_on_worker(std::move(task), kind);
    if (!accepted) co_return std::move(accepted).error();
    co_return std::move(**slot);
}

template <class T>
Result<T> Runtime::block_on(Task<T> task) {
    // Shared, because after stop() the coroutine may still be pending when this function returns.
    auto slot = std::make_shared<std::optional<Result<T>>>();
    const auto capture =
        [](Task<T> inner, std::shared_ptr<std::optional<Result<T>>> out) -> asio::awaitable<void> {
        out->emplace(co_await std::move(inner));
    };
    run_until_done(capture(std::move(task), slot));
    if (!*slot) return fail(Errc::cancelled, "the program is stopping");
    return std::move(**slot);
}

}  // namespace strandline::net
