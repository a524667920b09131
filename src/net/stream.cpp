#include "net/stream.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <sys/socket.h>
#include <utility>

#include "net/stream_impl.h"

namespace strandline::net {
namespace {

namespace asio = boost::asio;
using Socket = asio::ip::tcp::socket;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

}  // namespace

Error connection_error(std::string_view what, int error_number) {
    return fail(Errc::unavailable, fmt::format("{}: {}", what, std::strerror(error_number)));
}

bool would_block(int error_number) { return error_number == EAGAIN || error_number == EINTR; }

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
        std::min<SteadyTime>(self.deadline, std::chrono::steady_clock::now() + Impl::timer_stride);
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
