#include "net/runtime.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <optional>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

namespace strandline::net {
namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

[[noreturn]] void die_of(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        log_error("coroutine ended by exception what={}", error.what());
    } catch (...) {
        log_error("coroutine ended by exception what=unknown");
    }
    std::abort();
}

}  // namespace

struct Runtime::Impl {
    explicit Impl(Options options)
        : guard(asio::make_work_guard(context)),
          stop_event(context, ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          stop_fd(stop_event.native_handle()),
          signals(context),
          reload_signals(context),
          workers({options.worker_threads, options.max_queued_work}) {
        if (options.lengthy_threads > 0)
            lengthy.emplace(WorkerPool::Options{options.lengthy_threads, options.max_queued_work});
        watch_stop();
    }

    // io_context::stop() takes a mutex, which a signal handler must not do; an eventfd is safe.
    void watch_stop() {
        stop_event.async_wait(asio::posix::descriptor_base::wait_read,
                              [this](boost::system::error_code failed) {
                                  if (failed) return;
                                  eventfd_t count = 0;
                                  if (::eventfd_read(stop_fd, &count) == 0) context.stop();
                                  watch_stop();
                              });
    }

    void watch_reload() {
        reload_signals.async_wait([this](boost::system::error_code failed, int) {
            if (failed) return;
            watch_reload();
            reload();
        });
    }

    WorkerPool& pool_for(Work kind) {
        return kind == Work::lengthy && lengthy ? *lengthy : workers;
    }

    // Order matters: threads of the pools post to the context, so they are joined first, and
    // pending coroutines are destroyed with the context, last.
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard;
    asio::posix::stream_descriptor stop_event;
    int stop_fd;
    asio::signal_set signals;
    asio::signal_set reload_signals;
    std::function<void()> handler;
    std::function<void()> reload;
    WorkerPool workers;
    std::optional<WorkerPool> lengthy;
};

Runtime::Runtime(Options options) : impl_(std::make_unique<Impl>(options)) {
    STRANDLINE_ASSERT(impl_->stop_fd >= 0);
}

Runtime::~Runtime() { stop_workers(); }

asio::any_io_executor Runtime::executor() const { return impl_->context.get_executor(); }

WorkerPool& Runtime::workers() { return impl_->workers; }

void Runtime::stop_workers() {
    if (impl_->lengthy) impl_->lengthy->stop();
    impl_->workers.stop();
}

void Runtime::spawn(asio::awaitable<void> coroutine) {
    // Posted first: a coroutine must be started on the thread that runs it.
    asio::post(impl_->context, [this, coroutine = std::move(coroutine)]() mutable {
        asio::co_spawn(impl_->context, std::move(coroutine), [](const std::exception_ptr& failure) {
            if (failure) die_of(failure);
        });
    });
}

void Runtime::post(std::function<void()> function) {
    asio::post(impl_->context, std::move(function));
}

void Runtime::run() {
    impl_->context.restart();
    impl_->context.run();
}

void Runtime::stop() {
    // Only fails when the counter would overflow, and then the wake-up is pending already.
    [[maybe_unused]] const int written = ::eventfd_write(impl_->stop_fd, 1);
}

void Runtime::on_signals(std::function<void()> handler, std::function<void()> reload) {
    impl_->handler = std::move(handler);
    impl_->reload = std::move(reload);
    impl_->signals.add(SIGTERM);
    impl_->signals.add(SIGINT);
    impl_->signals.async_wait([impl = impl_.get()](boost::system::error_code failed, int) {
        if (failed) return;
        impl->signals.clear();  // back to the default action, so a second signal ends the process
        impl->handler();
    });
    if (!impl_->reload) return;
    impl_->reload_signals.add(SIGHUP);
    impl_->watch_reload();
}

asio::awaitable<Status> Runtime::run_on_worker(std::function<void()> work, Work kind) {
    struct Waiter {
        explicit Waiter(const asio::any_io_executor& executor) : done(executor) {}
        Signal done;
        bool finished = false;
        std::exception_ptr failure;
    };
    // Shared: the coroutine may be destroyed while the work still runs.
    auto waiter = std::make_shared<Waiter>(executor());
    std::function<void()> task = [impl = impl_.get(), waiter, work = std::move(work)]() mutable {
        std::exception_ptr failure;
        try {
            work();
        } catch (...) {
            failure = std::current_exception();
        }
        work = nullptr;  // what it captured dies here, not on the I/O thread
        asio::post(impl->context, [waiter = std::move(waiter), failure = std::move(failure)] {
            waiter->failure = failure;
            waiter->finished = true;
            waiter->done.notify();
        });
    };
    CO_TRY(impl_->pool_for(kind).submit(std::move(task)));
    while (!waiter->finished) co_await waiter->done.wait(Deadline::never());
    if (waiter->failure) std::rethrow_exception(waiter->failure);
    co_return Status{};
}

void Runtime::run_until_done(asio::awaitable<void> coroutine) {
    auto done = std::make_shared<bool>(false);
    impl_->context.restart();
    asio::co_spawn(impl_->context, std::move(coroutine), [done](const std::exception_ptr& failure) {
        if (failure) die_of(failure);
        *done = true;
    });
    while (!*done && !impl_->context.stopped()) impl_->context.run_one();
}

asio::awaitable<void> sleep_for(std::chrono::nanoseconds span) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(span));
    co_await timer.async_wait(as_result);
}

namespace {

class WaitMark {
public:
    explicit WaitMark(bool& flag) : flag_(flag) { flag_ = true; }
    WaitMark(const WaitMark&) = delete;
    WaitMark& operator=(const WaitMark&) = delete;
    ~WaitMark() { flag_ = false; }

private:
    bool& flag_;
};

}  // namespace

struct Signal::Impl {
    explicit Impl(const asio::any_io_executor& executor) : timer(executor) {}
    asio::steady_timer timer;
    bool notified = false;
    bool waiting = false;
};

Signal::Signal(const asio::any_io_executor& executor) : impl_(std::make_unique<Impl>(executor)) {}
Signal::~Signal() = default;

void Signal::notify() {
    impl_->notified = true;
    impl_->timer.cancel();
}

asio::awaitable<bool> Signal::wait(Deadline deadline) {
    // A second waiter would move the first one's deadline.
    STRANDLINE_ASSERT(!impl_->waiting);
    if (!impl_->notified && !deadline.passed()) {
        const WaitMark mark(impl_->waiting);
        impl_->timer.expires_at(deadline.at());
        co_await impl_->timer.async_wait(as_result);
    }
    co_return std::exchange(impl_->notified, false);
}

}  // namespace strandline::net
