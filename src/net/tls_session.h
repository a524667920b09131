#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "net/stream.h"

// Internal to net.
namespace strandline::net {

/// What a TLS operation on a non-blocking socket came to.
enum class TlsStep { done, want_read, want_write };

/// One TLS connection on a socket that somebody else owns and waits for. OpenSSL reads and writes
/// the socket itself, which saves the copies of a pair of memory buffers.
class TlsSession {
public:
    [[nodiscard]] static Result<std::unique_ptr<TlsSession>> create(const TlsRole& role,
                                                                    int socket);
    ~TlsSession();

    [[nodiscard]] Result<TlsStep> handshake();
    /// `size` 0 with `done` is the end.
    [[nodiscard]] Result<TlsStep> read(std::span<std::byte> out, std::size_t& size);
    /// With `more` its packets may wait for the next write. After a step that is not `done`, the
    /// next write must begin with the same bytes.
    [[nodiscard]] Result<TlsStep> write(ByteSpan bytes, std::size_t& size, bool more = false);
    /// `done` when read() would not wait.
    [[nodiscard]] Result<TlsStep> peek();
    /// True when a read would surely have to wait first.
    [[nodiscard]] bool drained() const;
    /// True when the other side judges our certificate, or that we have none, after our handshake
    /// ended (TLS 1.3).
    [[nodiscard]] bool judged_late() const;
    /// True once the other side has said that it sends no more.
    [[nodiscard]] bool closed() const;
    [[nodiscard]] std::optional<PeerCertificate> peer_certificate() const;
    /// Sends close_notify if that works at once.
    void shut_down();

private:
    struct Impl;
    explicit TlsSession(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace strandline::net
