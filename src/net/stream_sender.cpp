#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/core.h>

#include "base/log.h"
#include "net/response_sender.h"

namespace strandline::net {
namespace {

/// Shared by the session, the body's coroutine and the watcher: any of them may end first.
struct Run {
    explicit Run(const asio::any_io_executor& executor_in)
        : executor(executor_in), turn(executor_in) {}

    asio::any_io_executor executor;
    SendContext context;
    StreamBody body;
    bool chunked = false;
    std::uint64_t rate = 0;
    std::optional<Status> result;
    Signal turn;  ///< of the paced body; `context.wake` is the session's
    asio::cancellation_signal cancel_body;
    asio::cancellation_signal cancel_watch;
};

class Writer final : public BodyWriter {
public:
    explicit Writer(Run& run) : run_(run), pacer_(run.rate, std::chrono::steady_clock::now()) {}

    asio::awaitable<Status> write(ByteSpan bytes) override {
        auto& context = run_.context;
        while (!bytes.empty()) {
            CO_TRY(co_await wait_for_turn(*context.stream, run_.turn, pacer_));
            const auto piece = bytes.first(std::min(pacer_.piece(bytes.size()), bytes.size()));
            CO_TRY(co_await write_frame(piece));
            context.notice->add(piece.size());
            pacer_.sent(piece.size());
            bytes = bytes.subspan(piece.size());
        }
        co_return Status{};
    }

    asio::awaitable<Status> finish() {
        if (!run_.chunked) co_return Status{};
        const std::array<ByteSpan, 1> last = {as_bytes("0\r\n\r\n")};
        run_.context.stream->set_deadline(Deadline::after(run_.context.idle_timeout));
        co_return co_await run_.context.stream->write(last);
    }

private:
    asio::awaitable<Status> write_frame(ByteSpan piece) {
        const auto size = run_.chunked ? fmt::format("{:x}\r\n", piece.size()) : std::string();
        const std::array<ByteSpan, 3> parts = {as_bytes(size), piece,
                                               as_bytes(run_.chunked ? "\r\n" : "")};
        auto& stream = *run_.context.stream;
        stream.set_deadline(Deadline::after(run_.context.idle_timeout));
        auto sent = co_await stream.write(parts);
        // The body may now take as long as it likes to come up with more.
        stream.set_deadline(Deadline::never());
        co_return sent;
    }

    Run& run_;
    Pacer pacer_;
};

asio::awaitable<Status> call_body(Run& run) {
    Writer writer(run);
    try {
        CO_TRY(co_await run.body(writer));
        co_return co_await writer.finish();
    } catch (const boost::system::system_error& error) {
        // Cancellation reaches a waiting body as this exception.
        if (run.context.stream->interrupted()) co_return *run.context.stream->interrupted();
        log_error("response body failed what={}", error.what());
        co_return fail(Errc::internal, error.what());
    } catch (const std::exception& error) {
        log_error("response body failed what={}", error.what());
        co_return fail(Errc::internal, error.what());
    }
}

asio::awaitable<void> run_body(std::shared_ptr<Run> run) {
    run->result = co_await call_body(*run);
    run->context.wake->notify();
}

asio::awaitable<void> watch(std::shared_ptr<Run> run) {
    const bool closed = co_await run->context.stream->wait_for_close();
    if (!closed || run->result) co_return;
    run->context.stream->interrupt(fail(Errc::cancelled, "the client went away"));
    run->context.wake->notify();
}

/// Starts a coroutine that `cancel` can end. The signal lives in `run` and is still used while the
/// coroutine is taken down, hence the detour through the queue before `run` is let go.
void spawn_cancellable(asio::awaitable<void> coroutine, const std::shared_ptr<Run>& run,
                       asio::cancellation_signal& cancel) {
    const auto executor = run->executor;
    const auto end = [run](const std::exception_ptr& /*failure*/) {
        asio::post(run->executor, [run] {});
    };
    asio::co_spawn(executor, std::move(coroutine),
                   asio::bind_cancellation_slot(cancel.slot(), end));
}

}  // namespace

asio::awaitable<Status> send_stream(SendContext context, StreamBody body, bool chunked,
                                    std::uint64_t max_bytes_per_second) {
    const auto executor = co_await asio::this_coro::executor;
    auto run = std::make_shared<Run>(executor);
    run->context = std::move(context);
    run->body = std::move(body);
    run->chunked = chunked;
    run->rate = max_bytes_per_second;
    auto& stream = *run->context.stream;
    stream.set_deadline(Deadline::never());
    spawn_cancellable(run_body(run), run, run->cancel_body);
    if (!run->result) spawn_cancellable(watch(run), run, run->cancel_watch);
    while (!run->result) {
        co_await run->context.wake->wait(Deadline::never());
        if (run->result || !stream.interrupted()) continue;
        run->cancel_body.emit(asio::cancellation_type::terminal);
        // The body ends by itself; it owns all it uses, so there is no need to wait.
        if (!run->result) co_return *stream.interrupted();
    }
    run->cancel_watch.emit(asio::cancellation_type::terminal);
    co_return *run->result;
}

}  // namespace strandline::net
