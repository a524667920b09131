#pragma once

#include <cstddef>
#include <sys/types.h>

// Internal to net.
namespace strandline::net {

/// sendfile(2), which raises no SIGPIPE when the other side has closed.
[[nodiscard]] ssize_t quiet_sendfile(int socket, int file, off_t offset, std::size_t size);

}  // namespace strandline::net
