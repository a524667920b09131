#pragma once

#include <filesystem>
#include <span>

#include "hub/backup/backup_record.h"
#include "store/blob/blob_store.h"

// Shared by backup and restore.
namespace strandline::hub {

/// True when the folder is missing or has nothing in it.
[[nodiscard]] Result<bool> is_vacant(const std::filesystem::path& folder);

/// Copies a small file durably with mode 0600; what it held.
[[nodiscard]] Result<BackupFile> copy_small_file(const std::filesystem::path& from,
                                                 const std::filesystem::path& folder,
                                                 const std::string& name);

/// Size and hash of FOLDER/NAME.
[[nodiscard]] Result<BackupFile> describe_file(const std::filesystem::path& folder,
                                               const std::string& name);

/// Copies these blobs, each hashed as it is written; the sum of their sizes.
[[nodiscard]] Result<std::uint64_t> copy_blobs(const store::BlobStore& from, store::BlobStore& to,
                                               std::span<const Sha256Digest> digests);

}  // namespace strandline::hub
