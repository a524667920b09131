#pragma once

#include <cstdint>

#include "base/bytes.h"

// Hashes that find equal tensors. Not for use against people: whoever relies on equality compares.
namespace strandline::delta {

/// A 64-bit hash of all bytes and their number; the same on every CPU.
[[nodiscard]] std::uint64_t content_hash(ByteSpan bytes);

/// A hash of the size and of at most 64 words spread over the bytes: different for most different
/// bytes, at next to no cost.
[[nodiscard]] std::uint64_t fingerprint(ByteSpan bytes);

/// Stirs the bits of a number (the finaliser of SplitMix64, Steele and others, 2014).
[[nodiscard]] constexpr std::uint64_t mix_bits(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

}  // namespace strandline::delta
