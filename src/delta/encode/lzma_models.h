#pragma once

#include "base/bytes.h"
#include "delta/coder/lzma_codec.h"

namespace strandline::delta {

/// What samples of some bytes say of LZMA.
struct LzmaGuess {
    LzmaModel model;   ///< the one that made the samples smallest
    double share = 1;  ///< coded bytes by bytes, without matches across samples
};

/// Tries every model that is of use on at most `sample_bytes`, taken from several places.
[[nodiscard]] LzmaGuess guess_lzma(ByteSpan bytes, std::size_t sample_bytes);

/// Whether LZMA may take less than `share` of these bytes, by such samples. It is slow and mostly
/// has no chance, so frequencies of bytes and words are looked at first.
[[nodiscard]] bool lzma_may_reach(ByteSpan bytes, std::size_t sample_bytes, double share);

}  // namespace strandline::delta
