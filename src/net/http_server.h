#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/router.h"
#include "net/runtime.h"

namespace strandline::net {

struct ServerTls {
    std::string certificate_chain_pem;
    std::string private_key_pem;
    /// CA for client certificates; empty accepts none. A client without one is still served,
    /// and `Peer::common_name` stays empty: the routes decide.
    std::string client_ca_pem;
    /// Called after the handshake with the verified certificate's CN and serial; false ends the
    /// connection (revocation).
    std::function<bool(const std::string& common_name, const std::string& serial)> accept_client;
};

struct ServerOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  ///< 0 takes a free one
    std::optional<ServerTls> tls;
    std::size_t max_connections = 10'000;
    std::size_t max_connections_per_address = 0;  ///< 0 is no limit; IPv6: of one /64 network
    std::size_t max_header_bytes = 16 * 1024;
    /// Of the bodies that are collected or being worked on, all connections together; one more is
    /// answered with 503. Bodies of 4 KiB and less do not count.
    std::uint64_t max_body_memory = std::uint64_t{256} << 20;
    std::chrono::milliseconds handshake_timeout{10'000};
    std::chrono::milliseconds header_timeout{10'000};  ///< from the first byte of a request
    std::chrono::milliseconds idle_timeout{75'000};  ///< between requests, and between body pieces
    std::string server_name = "strandline";
    /// Sees every finished request: for metrics and access logs.
    std::function<void(const Request&, int status, std::uint64_t bytes, std::chrono::nanoseconds)>
        observe;
};

/// HTTP/1.1 server (RFC 9110, 9112): keep-alive, pipelining, chunked bodies both ways,
/// Expect: 100-continue, HEAD, Range, If-Range, If-None-Match.
class HttpServer {
public:
    /// Listens at once; requests are served while `runtime` runs. The router is taken over.
    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> create(Runtime& runtime, Router router,
                                                                    ServerOptions options);
    ~HttpServer();

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::size_t connections() const;
    /// Uses new certificates for connections to come.
    [[nodiscard]] Status replace_tls(ServerTls tls);
    /// Closes idle connections and lets running requests end until the deadline. Until then new
    /// requests are answered with 503 and Retry-After, so that clients and balancers go elsewhere.
    [[nodiscard]] boost::asio::awaitable<void> stop(Deadline deadline);

private:
    struct Impl;
    explicit HttpServer(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;  // shared with running sessions, which may outlive stop()
};

}  // namespace strandline::net
