#pragma once

#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/coder/planes_coder.h"
#include "delta/coder/zstd_codec.h"

namespace strandline::delta {

/// Payload of coder `sparse`, appended to `out`: mode, where words changed, how. For blocks most of
/// whose words are those of `old` (as long as `block`). False, and nothing appended, when too many
/// changed. `scratch` is as long as `block`.
[[nodiscard]] bool encode_sparse(ByteSpan block, ByteSpan old, const PlaneMode& mode,
                                 ZstdEncoder& zstd, std::span<std::byte> scratch, Bytes& out);

/// Fills `block` from such a payload, or fails with `corrupt`.
[[nodiscard]] Status decode_sparse(ByteSpan payload, ByteSpan old, ZstdDecoder& zstd,
                                   std::span<std::byte> block, std::span<std::byte> scratch);

}  // namespace strandline::delta
