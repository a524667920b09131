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

}  // namespace strandline::delta
