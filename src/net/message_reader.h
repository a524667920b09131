#pragma once

#include <vector>

#include "net/http_parser.h"
#include "net/stream.h"

// Internal to net.
namespace strandline::net {

/// Bytes that were received and not yet used.
class InputBuffer {
public:
    [[nodiscard]] ByteSpan bytes() const { return ByteSpan(data_).subspan(begin_, end_ - begin_); }
    [[nodiscard]] bool empty() const { return begin_ == end_; }
    void consume(std::size_t size);
    /// Free space of at least one byte behind the unused ones; empty when they are `limit` already.
    [[nodiscard]] std::span<std::byte> room(std::size_t limit);
    void commit(std::size_t size) { end_ += size; }
    /// Gives memory back that only a large message needed.
    void shrink();

private:
    std::vector<std::byte> data_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

/// The receiving half of a connection: used by server and client alike.
class MessageReader {
public:
    MessageReader(Stream& stream, HeadLimits limits);

    /// Receives more input; `unavailable` when the connection ended.
    [[nodiscard]] boost::asio::awaitable<Status> receive(std::size_t limit);
    /// Reads the next piece of the current message's body, straight into `out` where possible.
    /// 0 is its end; a connection that ends before is `unavailable`, bad framing `invalid`.
    [[nodiscard]] boost::asio::awaitable<Result<std::size_t>> read_body(std::span<std::byte> out);
    [[nodiscard]] bool body_done() const;

    InputBuffer input;
    HttpParser parser;
    std::uint64_t body_bytes = 0;  ///< of the current message, so far
    bool ended = false;            ///< the other side has closed

private:
    [[nodiscard]] boost::asio::awaitable<Result<std::size_t>> read_raw(std::span<std::byte> out);
    [[nodiscard]] Error cut() const;

    Stream& stream_;
};

}  // namespace strandline::net
