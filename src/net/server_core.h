#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "net/address_shares.h"
#include "net/http_server.h"
#include "net/tls_context.h"

// Internal to net.
namespace strandline::net {

class Session;

/// What a server shares with its sessions. On the I/O thread only.
struct ServerCore {
    ServerCore(Runtime& runtime_in, Router router_in, ServerOptions options_in)
        : runtime(runtime_in),
          router(std::move(router_in)),
          options(std::move(options_in)),
          shares(options.max_connections_per_address) {}
    virtual ~ServerCore() = default;
    ServerCore(const ServerCore&) = delete;
    ServerCore& operator=(const ServerCore&) = delete;

    /// The Date field's value of now.
    [[nodiscard]] const std::string& date();
    void enter(Session& session);
    void leave(Session& session);

    Runtime& runtime;
    Router router;
    ServerOptions options;
    SslContext tls;
    AddressShares shares;
    std::unordered_set<Session*> sessions;
    std::unordered_set<Session*> draining;  ///< those of `sessions` that were there at stop()
    std::vector<Signal*> leave_watchers;    ///< of running stop() calls
    std::list<Session*> resting;            ///< idle after a request; the one longest idle first
    std::uint64_t body_memory = 0;          ///< of buffered bodies now
    bool stopping = false;
    bool gone = false;  ///< the HttpServer was destroyed: no more callbacks

private:
    std::string date_;
    std::chrono::sys_seconds date_of_{};
};

}  // namespace strandline::net
