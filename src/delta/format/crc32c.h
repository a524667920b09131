#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace strandline::delta {

/// CRC-32C (Castagnoli, RFC 3720 section 12.1) of `bytes`, continued from `previous`.
[[nodiscard]] std::uint32_t crc32c(ByteSpan bytes, std::uint32_t previous = 0);

/// The same without special instructions.
[[nodiscard]] std::uint32_t crc32c_portable(ByteSpan bytes, std::uint32_t previous = 0);

}  // namespace strandline::delta
