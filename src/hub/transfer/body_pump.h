#pragma once

#include <cstdint>
#include <functional>

#include "net/http_message.h"
#include "net/runtime.h"

namespace strandline::hub {

/// Takes a piece of a body on a worker thread, one piece at a time and in order. It must own what
/// it writes to: the piece under way is finished even when the client is gone.
using PieceSink = std::function<Status(ByteSpan)>;

/// Moves a streamed body to `sink` in pieces of at most 256 KiB, so that memory stays flat whatever
/// the size. Number of bytes moved; on an error the pieces before it were taken.
[[nodiscard]] net::Task<std::uint64_t> pump_body(net::Runtime& runtime, net::BodyReader& body,
                                                 PieceSink sink, net::Work kind = net::Work::brief);

/// A streamed body as text; more than `limit` bytes is `invalid`.
[[nodiscard]] net::Task<std::string> read_whole(net::BodyReader& body, std::size_t limit);

}  // namespace strandline::hub
