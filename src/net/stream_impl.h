#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "net/stream.h"
#include "net/tls_session.h"

// Only for stream.cpp and stream_writing.cpp.
namespace strandline::net {

/// `unavailable`, with what was tried and what errno says.
[[nodiscard]] Error connection_error(std::string_view what, int error_number);
[[nodiscard]] bool would_block(int error_number);

struct Stream::Impl : std::enable_shared_from_this<Stream::Impl> {
    using Socket = boost::asio::ip::tcp::socket;
    // A timer is armed at most this far ahead, so that moving a later deadline costs nothing.
    static constexpr std::chrono::seconds timer_stride{5};

    explicit Impl(const boost::asio::any_io_executor& executor)
        : socket(executor), timer(executor) {}

    void arm(SteadyTime at) {
        armed = at;
        timer.expires_at(at);
        timer.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
            const auto self = weak.lock();
            if (!cancelled && self) self->on_timer();
        });
    }

    void on_timer() {
        armed = SteadyTime::max();
        if (deadline == SteadyTime::max()) return;
        const auto now = std::chrono::steady_clock::now();
        if (now >= deadline) return interrupt(fail(Errc::timeout, "the other side took too long"));
        arm(std::min<SteadyTime>(deadline, now + timer_stride));
    }

    void interrupt(Error reason) {
        if (broken) return;
        broken = std::move(reason);
        boost::system::error_code ignored;
        socket.cancel(ignored);
    }

    boost::asio::awaitable<Status> wait(Socket::wait_type what) {
        if (broken) co_return *broken;
        const auto [failed] =
            co_await socket.async_wait(what, boost::asio::as_tuple(boost::asio::use_awaitable));
        if (broken) co_return *broken;
        if (failed) co_return connection_error("connection", failed.value());
        co_return Status{};
    }

    boost::asio::awaitable<Status> wait(TlsStep step) {
        co_return co_await wait(step == TlsStep::want_write ? Socket::wait_write
                                                            : Socket::wait_read);
    }

    boost::asio::awaitable<Status> write_plain(std::span<const ByteSpan> pieces, bool more);
    Result<TlsStep> encrypt(ByteSpan& bytes, bool more);
    boost::asio::awaitable<Status> write_tls(ByteSpan bytes, bool more);
    Result<TlsStep> encrypt_file(int file, std::uint64_t offset, std::size_t size,
                                 std::size_t& sent);

    Socket socket;
    std::unique_ptr<TlsSession> tls;
    bool has_news = true;  ///< for read_now(): a wait came before it
    boost::asio::steady_timer timer;
    SteadyTime deadline = SteadyTime::max();
    SteadyTime armed = SteadyTime::max();
    std::optional<Error> broken;
};

}  // namespace strandline::net
