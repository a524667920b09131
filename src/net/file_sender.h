#pragma once

#include <memory>
#include <string>

#include "net/response_sender.h"

// Internal to net.
namespace strandline::net {

/// What to send of a file.
struct FilePart {
    std::shared_ptr<const UniqueFd> file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t max_bytes_per_second = 0;
    std::shared_ptr<SharedRate> shared_rate;
};

/// Sends `head` and then that part of the file. What the disk still has to deliver is fetched by a
/// pool thread, so that the I/O thread does not wait for it.
[[nodiscard]] asio::awaitable<Status> send_file_part(SendContext context, std::string head,
                                                     FilePart part);

}  // namespace strandline::net
