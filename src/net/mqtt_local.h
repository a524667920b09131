#pragma once

#include <functional>
#include <string>

#include "base/file.h"
#include "base/result.h"

// Internal to net.
namespace strandline::net {

/// A connection of this process to itself, for a library that insists on connecting by its own
/// means: `connect` is called with the path of a Unix socket that listens, and must have connected
/// to it when it returns. The other end is returned, not blocking. The path stands in a new folder
/// that only this user may enter, and is gone again before this function returns. Blocks.
[[nodiscard]] Result<UniqueFd> connect_locally(
    const std::function<Status(const std::string& path)>& connect);

}  // namespace strandline::net
