#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/deadline.h"
#include "base/file.h"
#include "net/tls_context.h"

// Internal to net.
namespace strandline::net {

struct Endpoint {
    std::string address;  ///< IPv4 or IPv6 literal
    std::uint16_t port = 0;
};

struct TlsRole {
    SslContext context;
    bool server = false;
    std::string host;        ///< client: name or address that the certificate must hold
    bool check_host = true;  ///< client
    std::optional<WallTime> verify_time;  ///< client: judge validity at this time
};

/// The plaintext of one TLS record (RFC 8446 section 5.1).
inline constexpr std::size_t max_record_bytes = 16 * 1024;

struct PeerCertificate {
    std::string common_name;
    std::string serial;  ///< lower-case hexadecimal
    bool expired = false;
};

/// One TCP connection, plain or TLS, on the I/O thread. One coroutine reads and one writes at a
/// time. When the deadline passes, or interrupt() is called, the waiting operation and all later
/// ones end with that error.
class Stream {
public:
    explicit Stream(const boost::asio::any_io_executor& executor);
    Stream(Stream&&) noexcept;
    Stream& operator=(Stream&&) noexcept;
    /// Closes the connection.
    ~Stream();

    /// Takes over a connected socket.
    [[nodiscard]] Status adopt(UniqueFd socket);
    [[nodiscard]] boost::asio::awaitable<Status> connect(Endpoint endpoint);

    /// Turns the connection into TLS. A certificate that does not verify is `unauthenticated`.
    [[nodiscard]] boost::asio::awaitable<Status> handshake(TlsRole role);
    [[nodiscard]] bool is_tls() const;
    /// Of the other end; verified by the handshake.
    [[nodiscard]] std::optional<PeerCertificate> peer_certificate() const;

    /// At least one byte; 0 is the end. A cut TLS connection is `unavailable`, not an end.
    [[nodiscard]] boost::asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> out);
    /// What has come already, at least one byte; 0 is the end, none: nothing yet. Together with
    /// wait_for_input() for connections that hold no buffer while they wait.
    [[nodiscard]] Result<std::optional<std::size_t>> read_now(std::span<std::byte> out);
    /// After read_now() found nothing: until it is worth another try.
    [[nodiscard]] boost::asio::awaitable<Status> wait_for_input();
    /// Client, after the handshake and before the first write: in TLS 1.3 the other side judges our
    /// certificate only then, and what we write could make it send a reset that overtakes its
    /// reason. Waits for its first word (session tickets or an alert); success at once when there
    /// is nothing to judge.
    [[nodiscard]] boost::asio::awaitable<Status> await_verdict();
    /// Writes all pieces, in one packet where they fit. With `more` the last packet may wait for
    /// what the caller writes next.
    [[nodiscard]] boost::asio::awaitable<Status> write(std::span<const ByteSpan> pieces,
                                                       bool more = false);
    /// Sends up to `size` bytes, with plain TCP without copying them, and returns how many. Reads
    /// the file on this thread. The end of the file is `corrupt`.
    [[nodiscard]] boost::asio::awaitable<Result<std::size_t>> send_file(int file,
                                                                        std::uint64_t offset,
                                                                        std::size_t size);
    /// Ends when the other side closed or broke the connection (true), or sent something (false).
    [[nodiscard]] boost::asio::awaitable<bool> wait_for_close();
    /// True when the other side has sent something or closed, without waiting.
    [[nodiscard]] bool has_input();

    void set_deadline(Deadline deadline);
    void interrupt(Error reason);
    /// Why the stream was interrupted, if it was.
    [[nodiscard]] const std::optional<Error>& interrupted() const;
    /// Forgets a passed deadline, so that the stream may be used once more (to say so, say).
    void forgive_timeout();
    /// Says that nothing more will be written.
    void shut_down_writing();
    void close();
    [[nodiscard]] bool is_open() const;

    struct Impl;

private:
    std::shared_ptr<Impl> impl_;  // shared with its timer's callback
};

}  // namespace strandline::net
