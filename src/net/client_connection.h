#pragma once

#include <memory>
#include <string>

#include "net/http_client.h"
#include "net/message_reader.h"

// Internal to net.
namespace strandline::net {

/// One connection of a client, and one request at a time on it.
class ClientConnection {
public:
    /// `options` is borrowed.
    ClientConnection(const asio::any_io_executor& executor, const ClientOptions& options);

    [[nodiscard]] asio::awaitable<Status> open(Endpoint endpoint, Deadline deadline);
    [[nodiscard]] asio::awaitable<Status> secure(TlsRole role, Deadline deadline);

    /// Sends the head and the body. An answer that comes early ends the sending.
    [[nodiscard]] asio::awaitable<Status> send(const ClientRequest& request, std::string head);
    /// Receives an answer; its body goes to `sink` if that wants it, else into the response.
    [[nodiscard]] asio::awaitable<Result<ClientResponse>> receive(const ClientRequest& request,
                                                                  ResponseSink* sink,
                                                                  std::size_t max_body_bytes);

    /// True when nothing of an answer came: the other side had closed before.
    [[nodiscard]] bool untouched() const { return !answered_; }
    /// True when the next request may use it.
    [[nodiscard]] bool reusable() const { return reusable_; }
    /// True when the other side has closed it or sent something unasked in the meantime.
    [[nodiscard]] bool stale() { return stream_.has_input(); }

private:
    asio::awaitable<Status> send_stream(BodyReader& body, std::string head, Deadline deadline);
    asio::awaitable<Status> write(ByteSpan a, ByteSpan b, ByteSpan c, Deadline deadline);
    asio::awaitable<Status> receive_head(const ClientRequest& request);
    asio::awaitable<Status> receive_buffered(std::string& out, std::size_t limit,
                                             Deadline deadline);
    asio::awaitable<Status> receive_into(ResponseSink& sink, Deadline deadline);
    asio::awaitable<Result<std::size_t>> read_piece(std::span<std::byte> out, Deadline deadline);
    [[nodiscard]] Status check_speed(std::size_t bytes, std::chrono::nanoseconds waited);
    void watch(Deadline deadline);
    void watch_for_answer(const ClientRequest& request);

    Stream stream_;
    MessageReader reader_;
    const ClientOptions* options_;
    // Of the running low-speed window.
    std::uint64_t window_bytes_ = 0;
    std::chrono::nanoseconds window_waited_{0};
    bool answered_ = false;
    bool sent_all_ = true;
    bool reusable_ = false;
};

}  // namespace strandline::net
