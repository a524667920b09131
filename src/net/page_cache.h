#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

// Internal to net.
namespace strandline::net {

/// Whether a part of a file can be read without waiting for the disk, as far as its two ends tell.
/// True where the file system cannot say.
[[nodiscard]] bool is_cached(int file, std::uint64_t offset, std::uint64_t size);

/// Brings a part of a file into memory. Blocks on the disk. The end of the file ends it early.
[[nodiscard]] Status load_into_cache(int file, std::uint64_t offset, std::uint64_t size);

}  // namespace strandline::net
