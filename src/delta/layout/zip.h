#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace strandline::delta {

/// A file in a zip archive, as its directory tells.
struct ZipMember {
    std::string_view name;     ///< borrowed from the archive
    std::uint16_t method = 0;  ///< 0: stored, 8: deflated
    std::uint32_t crc = 0;
    std::uint64_t offset = 0;  ///< of its packed bytes in the archive
    std::uint64_t packed = 0;
    std::uint64_t unpacked = 0;
};

inline constexpr std::uint16_t zip_stored = 0;
inline constexpr std::uint16_t zip_deflated = 8;

/// The members that lie inside the archive, in the order of its directory; at most max_tensors.
/// Empty for other files. PKWARE's APPNOTE.TXT 6.3.10, including zip64.
[[nodiscard]] std::vector<ZipMember> read_zip_directory(ByteSpan file);

}  // namespace strandline::delta
