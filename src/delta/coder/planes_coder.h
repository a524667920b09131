#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/coder/planes.h"
#include "delta/coder/zstd_codec.h"
#include "delta/format/varint.h"

namespace strandline::delta {

/// How a block is split into words.
struct PlaneMode {
    std::uint8_t word_log = 2;  ///< words of 2^word_log bytes, 0..3
    Transform transform = Transform::none;
    std::uint8_t skip = 0;  ///< bytes before the first word, less than a word

    friend bool operator==(const PlaneMode&, const PlaneMode&) = default;
};

/// Words of a block, and the loose bytes before and after them.
struct WordLayout {
    std::size_t skip = 0;
    std::size_t words = 0;  ///< in bytes
    std::size_t tail = 0;
};
[[nodiscard]] WordLayout layout_of(std::size_t size, const PlaneMode& mode);

/// The mode as the first byte of a payload.
[[nodiscard]] std::byte mode_byte(const PlaneMode& mode);
/// Unknown modes are `corrupt`.
[[nodiscard]] Result<PlaneMode> read_mode(FieldReader& in);

/// Payload of coder `planes`, appended to `out`: mode, planes, loose bytes. `old` is as long as
/// `block`, and unused for Transform::none. `scratch` is as long as `block`.
void encode_planes(ByteSpan block, ByteSpan old, const PlaneMode& mode, ZstdEncoder& zstd,
                   std::span<std::byte> scratch, Bytes& out);

/// Fills `block` from such a payload, or fails with `corrupt`.
[[nodiscard]] Status decode_planes(ByteSpan payload, ByteSpan old, ZstdDecoder& zstd,
                                   std::span<std::byte> block, std::span<std::byte> scratch);

}  // namespace strandline::delta
