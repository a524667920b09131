#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/sha256.h"

namespace strandline::hub {

inline constexpr int backup_format = 1;

struct BackupFile {
    std::string path;  ///< in the backup; never absolute, never upwards
    std::uint64_t size = 0;
    Sha256Digest digest;
    friend bool operator==(const BackupFile&, const BackupFile&) = default;
};

/// backup.json: written last, so a folder without it is no backup.
struct BackupRecord {
    std::string version;  ///< of the program that made it
    WallTime made{};
    int schema = 0;
    std::string ca_sha256;
    std::vector<BackupFile> files;  ///< all but the blobs, whose names are their hashes
    std::uint64_t blobs = 0;
    std::uint64_t blob_bytes = 0;
    friend bool operator==(const BackupRecord&, const BackupRecord&) = default;
};

[[nodiscard]] std::string to_json(const BackupRecord& record);
/// A newer format is `conflict`; paths that would leave the folder are `invalid`.
[[nodiscard]] Result<BackupRecord> backup_record_from_json(std::string_view text);

}  // namespace strandline::hub
