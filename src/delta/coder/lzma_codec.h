#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

// The only place that knows liblzma; streams are raw LZMA1 without end marker.
namespace strandline::delta {

/// What the first byte of a payload says: literal context bits, literal position bits, position
/// bits; as in the header of .lzma files.
struct LzmaModel {
    std::uint8_t lc = 3;
    std::uint8_t lp = 0;
    std::uint8_t pb = 2;
};

enum class LzmaEffort : std::uint8_t {
    some,  ///< three times as fast, 0.1 % larger
    most,
};

/// Beside the dictionary, which is as long as block and prefix.
inline constexpr std::uint32_t lzma_context_bytes = 64u << 10;

/// Model byte and stream of `in`, which may refer to `prefix`. Empty when it would be larger than
/// `limit` bytes, or when `stopped`, which is asked every few milliseconds, says so.
[[nodiscard]] Bytes lzma_encode(ByteSpan in, ByteSpan prefix, const LzmaModel& model,
                                std::size_t limit, LzmaEffort effort = LzmaEffort::most,
                                const std::function<bool()>& stopped = {});

/// Fills `out` exactly, or fails with `corrupt`.
[[nodiscard]] Status lzma_decode(ByteSpan payload, ByteSpan prefix, std::span<std::byte> out);

}  // namespace strandline::delta
