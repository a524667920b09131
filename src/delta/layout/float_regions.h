#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "delta/layout/collector.h"

namespace strandline::delta {

/// A part of a file whose bytes look like trained weights.
struct FloatRegion {
    ElementType type = ElementType::f32;  ///< f64, f32, f16 or bf16
    std::uint64_t offset = 0;             ///< of the first number, at any byte phase
    std::uint64_t bytes = 0;              ///< whole numbers
};

/// Finds the weights of an unknown container: looks at each block of 512 bytes whether, read as
/// numbers of some type from some byte phase on, the exponents keep close together and the
/// mantissas vary, and joins neighbours. By ascending offset, without overlaps; linear time.
[[nodiscard]] std::vector<FloatRegion> find_float_regions(ByteSpan bytes);
[[nodiscard]] std::vector<FloatRegion> find_float_regions(ByteSpan bytes, WorkMeter& meter);

/// Bytes of a piece: small enough that old and new relatives can be told apart piece by piece.
inline constexpr std::uint64_t region_piece_bytes = 256 * 1024;

/// Claims a region as nameless rows of numbers of at most `region_piece_bytes`.
void add_in_pieces(const FloatRegion& region, Collector& tensors);

}  // namespace strandline::delta
