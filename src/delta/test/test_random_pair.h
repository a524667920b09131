#pragma once

#include <cstdint>

#include "delta/test/test_support.h"

namespace strandline::delta {

/// A made-up model and its successor, different for each seed: tensors of several types, tuned,
/// scaled, quantised anew, frozen, moved, dropped or new, between texts. Each file has about
/// `size` bytes.
[[nodiscard]] FilePair random_pair(std::uint64_t seed, std::size_t size);

}  // namespace strandline::delta
