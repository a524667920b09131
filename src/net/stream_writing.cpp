#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

#include "net/quiet_sendfile.h"
#include "net/stream_impl.h"

// What Stream sends, plain or encrypted.
namespace strandline::net {
namespace {

namespace asio = boost::asio;
using Socket = asio::ip::tcp::socket;

constexpr std::size_t max_pieces = 4;

}  // namespace

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

}  // namespace strandline::net
