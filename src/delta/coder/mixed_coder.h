#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/number/byte_mixer.h"

namespace strandline::delta {

/// Payload of coder `mixed`, appended to `out`: columns, centre, stream. `grid.old` is as long as
/// `block`, or empty.
void encode_mixed_block(ByteSpan block, const number::ByteGrid& grid, number::ByteMixer& mixer,
                        Bytes& out);

/// Fills `block` from such a payload, or fails with `corrupt`.
[[nodiscard]] Status decode_mixed_block(ByteSpan payload, ByteSpan old, number::ByteMixer& mixer,
                                        std::span<std::byte> block);

}  // namespace strandline::delta
