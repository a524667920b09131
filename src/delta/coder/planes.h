#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace strandline::delta {

/// What is done to each little-endian word of a block before its bytes are sorted into planes.
/// Numbers are part of the format.
enum class Transform : std::uint8_t {
    none = 0,        ///< the new word itself
    exclusive = 1,   ///< new XOR old: few set bits where floats keep sign and exponent
    difference = 2,  ///< new - old modulo 2^bits, zigzag: few bits where values moved a little
};

/// Splits `words` into sizeof(word) planes: plane i holds byte i of every transformed word.
/// words and planes: n * 2^word_log bytes, word_log 0..3; old: as long, or empty for `none`.
void split_planes(ByteSpan words, ByteSpan old, Transform transform, unsigned word_log,
                  std::span<std::byte> planes);

/// Undoes split_planes.
void join_planes(ByteSpan planes, ByteSpan old, Transform transform, unsigned word_log,
                 std::span<std::byte> words);

}  // namespace strandline::delta
