#include "net/stream.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <tuple>
#include <utility>

#include "net/quiet_sendfile.h"
#include "net/tls_session.h"

namespace strandline::net {
namespace {

namespace asio = boost::asio;
using Socket = asio::ip::tcp::socket;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
// A timer is armed at most this far ahead, so that moving a later deadline costs nothing.
constexpr std::chrono::seconds timer_stride{5};
constexpr std::size_t max_pieces = 4;

Error connection_error(std::string_view what, int error_number) {
    return fail(Errc::unavailable, fmt::format("{}: {}", what, std::strerror(error_number)));
}

bool would_block(int error_number) { return error_number == EAGAIN || error_number == EINTR; }

}  // namespace

struct Stream::Impl : std::enable_shared_from_this<Stream::Impl> {
    explicit Impl(const asio::any_io_executor& executor) : socket(executor), timer(executor) {}

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

    asio::awaitable<Status> wait(Socket::wait_type what) {
        if (broken) co_return *broken;
        const auto [failed] = co_await socket.async_wait(what, as_result);
        if (broken) co_return *broken;
        if (failed) co_return connection_error("connection", failed.value());
        co_return Status{};
    }

    asio::awaitable<Status> wait(TlsStep step) {
        co_return co_await wait(step == TlsStep::want_write ? Socket::wait_write
                                                            : Socket::wait_read);
    }

    asio::awaitable<Status> write_plain(std::span<const ByteSpan> pieces, bool more);
    Result<TlsStep> encrypt(ByteSpan& bytes, bool more);
    asio::awaitable<Status> write_tls(ByteSpan bytes, bool more);
    Result<TlsStep> encrypt_file(int file, std::uint64_t offset, std::size_t size,
                                 std::size_t& sent);

    Socket socket;
    std::unique_ptr<TlsSession> tls;
    bool has_news = true;  ///< for read_now(): a wait came before it
    asio::steady_timer timer;
    SteadyTime deadline = SteadyTime::max();
    SteadyTime armed = SteadyTime::max();
    std::optional<Error> broken;
};

Stream::Stream(const asio::any_io_executor& executor) : impl_(std::make_shared<Impl>(executor)) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() {
    if (impl_) close();
}

Status Stream::adopt(UniqueFd socket) {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size);
    const auto protocol = name.ss_family == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
    boost::system::error_code failed;
    impl_->socket.assign(protocol, socket.get(), failed);
    if (failed) return connection_error("take over a connection", failed.value());
    static_cast<void>(socket.release());  // the asio socket owns it now
    impl_->socket.non_blocking(true, failed);
    impl_->socket.set_option(asio::ip::tcp::no_delay(true), failed);
    return {};
}

asio::awaitable<Status> Stream::connect(Endpoint endpoint) {
    auto& self = *impl_;
    boost::system::error_code bad;
    const auto address = asio::ip::make_address(endpoint.address, bad);
    if (bad) co_return fail(Errc::invalid, endpoint.address + " is not an IP address");
    if (self.broken) co_return *self.broken;
    const asio::ip::tcp::endpoint target(address, endpoint.port);
    const auto [failed] = co_await self.socket.async_connect(target, as_result);
    if (self.broken) co_return *self.broken;
    if (failed) {
        const auto what = fmt::format("connect to {} port {}", endpoint.address, endpoint.port);
        co_return connection_error(what, failed.value());
    }
    self.socket.non_blocking(true, bad);
    self.socket.set_option(asio::ip::tcp::no_delay(true), bad);
    co_return Status{};
}

asio::awaitable<Status> Stream::handshake(TlsRole role) {
    auto& self = *impl_;
    auto session = TlsSession::create(role, self.socket.native_handle());
    if (!session) co_return std::move(session).error();
    self.tls = *std::move(session);
    for (;;) {
        const auto step = self.tls->handshake();
        if (!step) co_return step.error();
        if (*step == TlsStep::done) co_return Status{};
        CO_TRY(co_await self.wait(*step));
    }
}

bool Stream::is_tls() const { return impl_->tls != nullptr; }

std::optional<PeerCertificate> Stream::peer_certificate() const {
    return impl_->tls ? impl_->tls->peer_certificate() : std::nullopt;
}

asio::awaitable<Result<std::size_t>> Stream::read_some(std::span<std::byte> out) {
    auto& self = *impl_;
    if (self.broken) co_return *self.broken;
    if (!self.tls) {
        const auto buffer = asio::buffer(out.data(), out.size());
        const auto [failed, size] = co_await self.socket.async_read_some(buffer, as_result);
        if (self.broken) co_return *self.broken;
        if (failed == asio::error::eof) co_return std::size_t{0};
        if (failed) co_return connection_error("connection", failed.value());
        co_return size;
    }
    // Saves the receive that would only say so, once for each request of a kept connection.
    if (self.tls->drained()) CO_TRY(co_await self.wait(Socket::wait_read));
    for (;;) {
        std::size_t size = 0;
        const auto step = self.tls->read(out, size);
        if (!step) co_return step.error();
        if (*step == TlsStep::done) co_return size;
        CO_TRY(co_await self.wait(*step));
    }
}

Result<std::optional<std::size_t>> Stream::read_now(std::span<std::byte> out) {
    auto& self = *impl_;
    constexpr std::optional<std::size_t> nothing;
    if (self.broken) return *self.broken;
    if (self.tls) {
        // Saves the receive that would only say so.
        if (!std::exchange(self.has_news, false) && self.tls->drained()) return nothing;
        std::size_t size = 0;
        TRY(const auto step, self.tls->read(out, size));
        return step == TlsStep::done ? std::optional(size) : nothing;
    }
    const auto size = ::recv(self.socket.native_handle(), out.data(), out.size(), MSG_DONTWAIT);
    if (size >= 0) return std::optional(static_cast<std::size_t>(size));
    if (would_block(errno)) return nothing;
    return connection_error("connection", errno);
}

asio::awaitable<Status> Stream::wait_for_input() {
    auto& self = *impl_;
    self.has_news = true;
    co_return co_await self.wait(Socket::wait_read);
}

asio::awaitable<Status> Stream::await_verdict() {
    auto& self = *impl_;
    if (!self.tls || !self.tls->judged_late()) co_return Status{};
    CO_TRY(co_await self.wait(Socket::wait_read));
    const auto word = self.tls->peek();
    if (!word) co_return word.error();
    co_return Status{};
}

asio::awaitable<Status> Stream::Impl::write_plain(std::span<const ByteSpan> pieces, bool more) {
    STRANDLINE_ASSERT(pieces.size() <= max_pieces);
    std::array<iovec, max_pieces> parts{};
    std::size_t count = 0;
    for (const auto piece : pieces) {
        if (piece.empty()) continue;
        // sendmsg does not write through this pointer.
        parts[count++] = {const_cast<std::byte*>(piece.data()), piece.size()};
    }
    iovec* next = parts.data();
    while (count > 0) {
        if (broken) co_return *broken;
        msghdr message{};
        message.msg_iov = next;
        message.msg_iovlen = count;
        const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0);
        const auto sent = ::sendmsg(socket.native_handle(), &message, flags);
        if (sent < 0 && !would_block(errno)) co_return connection_error("connection", errno);
        if (sent < 0) {
            CO_TRY(co_await wait(Socket::wait_write));
            continue;
        }
        auto left = static_cast<std::size_t>(sent);
        while (count > 0 && left >= next->iov_len) {
            left -= next->iov_len;
            ++next;
            --count;
        }
        if (count == 0) break;
        next->iov_base = static_cast<std::byte*>(next->iov_base) + left;
        next->iov_len -= left;
    }
    co_return Status{};
}

/// Sends what the socket takes now, and leaves the rest in `bytes`.
Result<TlsStep> Stream::Impl::encrypt(ByteSpan& bytes, bool more) {
    while (!bytes.empty()) {
        if (broken) return *broken;
        std::size_t size = 0;
        TRY(const auto step, tls->write(bytes, size, more));
        if (step != TlsStep::done) return step;
        bytes = bytes.subspan(size);
    }
    return TlsStep::done;
}

asio::awaitable<Status> Stream::Impl::write_tls(ByteSpan bytes, bool more) {
    for (;;) {
        const auto step = encrypt(bytes, more);
        if (!step) co_return step.error();
        if (*step == TlsStep::done) co_return Status{};
        CO_TRY(co_await wait(*step));
    }
}

namespace {

std::size_t joined_size(std::span<const ByteSpan> pieces) {
    std::size_t size = 0;
    for (const auto piece : pieces) size += piece.size();
    return std::min(size, max_record_bytes);
}

}  // namespace

asio::awaitable<Status> Stream::write(std::span<const ByteSpan> pieces, bool more) {
    auto& self = *impl_;
    if (!self.tls) co_return co_await self.write_plain(pieces, more);
    if (pieces.size() == 1) co_return co_await self.write_tls(pieces.front(), more);
    // One record for what fits into one: a small answer is one packet.
    Bytes joined;
    joined.reserve(joined_size(pieces));
    for (const auto piece : pieces) {
        if (joined.size() + piece.size() <= max_record_bytes) {
            joined.insert(joined.end(), piece.begin(), piece.end());
            continue;
        }
        CO_TRY(co_await self.write_tls(joined, true));
        joined.clear();
        CO_TRY(co_await self.write_tls(piece, false));
    }
    // A small answer goes at once, and then needs no coroutine of its own.
    ByteSpan rest = joined;
    const auto step = self.encrypt(rest, more);
    if (!step) co_return step.error();
    if (rest.empty()) co_return Status{};
    co_return co_await self.write_tls(rest, more);
}

/// Sends records of a file until `size` or the socket is full; `sent` bytes are through.
Result<TlsStep> Stream::Impl::encrypt_file(int file, std::uint64_t offset, std::size_t size,
                                           std::size_t& sent) {
    // Read anew after each wait, so that a slow client holds no memory; a record at a time, so
    // that little is read twice.
    std::array<std::byte, max_record_bytes> buffer;
    auto step = TlsStep::done;
    for (sent = 0; sent < size && step == TlsStep::done;) {
        const auto piece = std::span(buffer).first(std::min(size - sent, buffer.size()));
        TRY(read_exactly_at(file, offset + sent, piece));
        std::size_t written = 0;
        TRY(step, tls->write(piece, written, sent + piece.size() < size));
        sent += written;
    }
    return step;
}

asio::awaitable<Result<std::size_t>> Stream::send_file(int file, std::uint64_t offset,
                                                       std::size_t size) {
    auto& self = *impl_;
    while (self.tls) {
        if (self.broken) co_return *self.broken;
        std::size_t sent = 0;
        const auto step = self.encrypt_file(file, offset, size, sent);
        if (!step) co_return step.error();
        if (sent > 0) co_return sent;
        CO_TRY(co_await self.wait(*step));
    }
    for (;;) {
        if (self.broken) co_return *self.broken;
        const auto sent =
            quiet_sendfile(self.socket.native_handle(), file, static_cast<off_t>(offset), size);
        if (sent > 0) co_return static_cast<std::size_t>(sent);
        if (sent == 0) co_return fail(Errc::corrupt, "the file is shorter than announced");
        if (!would_block(errno)) co_return connection_error("send a file", errno);
        CO_TRY(co_await self.wait(Socket::wait_write));
    }
}

asio::awaitable<bool> Stream::wait_for_close() {
    auto& self = *impl_;
    for (;;) {
        const auto ready = co_await self.wait(Socket::wait_read);
        if (!ready) co_return true;
        char byte = 0;
        const auto size = ::recv(self.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (size == 0 || (size < 0 && !would_block(errno))) co_return true;
        if (size < 0) continue;
        if (!self.tls) co_return false;
        const auto step = self.tls->peek();
        if (!step) co_return true;
        if (*step == TlsStep::done) co_return self.tls->closed();
    }
}

bool Stream::has_input() {
    auto& self = *impl_;
    if (self.tls) {
        const auto step = self.tls->peek();
        return !step || *step == TlsStep::done;
    }
    char byte = 0;
    const auto size = ::recv(self.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return size >= 0 || !would_block(errno);
}

void Stream::set_deadline(Deadline deadline) {
    auto& self = *impl_;
    self.deadline = deadline.at();
    if (self.deadline == SteadyTime::max()) return;
    const auto wake =
        std::min<SteadyTime>(self.deadline, std::chrono::steady_clock::now() + timer_stride);
    if (wake < self.armed) self.arm(wake);
}

void Stream::interrupt(Error reason) { impl_->interrupt(std::move(reason)); }

const std::optional<Error>& Stream::interrupted() const { return impl_->broken; }

void Stream::forgive_timeout() {
    auto& self = *impl_;
    if (!self.broken || self.broken->code != Errc::timeout) return;
    self.broken.reset();
    self.deadline = SteadyTime::max();
}

void Stream::shut_down_writing() {
    if (impl_->tls) impl_->tls->shut_down();
    boost::system::error_code ignored;
    impl_->socket.shutdown(Socket::shutdown_send, ignored);
}

void Stream::close() {
    auto& self = *impl_;
    if (!self.broken) self.broken = fail(Errc::cancelled, "the connection was closed");
    self.timer.cancel();
    if (!self.socket.is_open()) return;
    if (self.tls) self.tls->shut_down();
    boost::system::error_code ignored;
    self.socket.close(ignored);
}

bool Stream::is_open() const { return impl_->socket.is_open(); }

}  // namespace strandline::net
