#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "net/stream.h"

// Internal to net.
namespace strandline::net {

/// Finds the addresses of a host name; blocks. Runs on a thread that may outlast everything else,
/// so it owns what it uses.
using Lookup =
    std::function<Result<std::vector<Endpoint>>(const std::string& host, std::uint16_t port)>;

/// What the system says: getaddrinfo(3).
[[nodiscard]] Result<std::vector<Endpoint>> system_lookup(const std::string& host,
                                                          std::uint16_t port);

/// Looks a host name up; an IP literal is answered at once. A look-up cannot be stopped: past the
/// deadline its answer is dropped, and neither the caller nor the Runtime waits for it. With many
/// of them hanging, further ones are `unavailable`.
[[nodiscard]] boost::asio::awaitable<Result<std::vector<Endpoint>>> resolve(
    std::string host, std::uint16_t port, Deadline deadline, Lookup lookup = system_lookup);

}  // namespace strandline::net
