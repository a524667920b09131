#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "registry/release.h"
#include "store/blob/blob_store.h"

namespace strandline::hub {

struct UnpackLimits {
    std::size_t max_files = 256;
    std::uint64_t max_bytes = std::uint64_t{8} << 30;  ///< of all members together
    /// Unpacked bytes for each packed one; a deflate stream cannot honestly exceed 1032.
    std::uint64_t max_ratio = 200;
};

/// Stores the regular files of a zip archive as blobs, so that deltas work on the members and not
/// on the archive. Links, absolute paths, `..`, encrypted members and archives past a limit are
/// `invalid`. Worker thread.
[[nodiscard]] Result<std::vector<registry::FileSpec>> unpack_zip(
    const std::filesystem::path& archive, store::BlobStore& blobs, const UnpackLimits& limits = {});

}  // namespace strandline::hub
