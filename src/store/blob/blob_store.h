#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "base/sha256.h"

namespace strandline::store {

struct BlobInfo {
    Sha256Digest digest;
    std::uint64_t size = 0;
};

class BlobStore;

/// A blob being written. Destroying it before commit() leaves nothing behind. The store must
/// outlive it. One thread at a time.
class BlobWriter {
public:
    BlobWriter(BlobWriter&&) noexcept;
    BlobWriter& operator=(BlobWriter&&) noexcept;
    ~BlobWriter();

    /// After an error the blob is lost and commit() repeats the error.
    [[nodiscard]] Status write(ByteSpan bytes);
    [[nodiscard]] std::uint64_t size() const;
    /// fsync, hash of what was read back, rename, fsync of the folder. When `expected` is given and
    /// differs, `corrupt` and nothing is stored. Already stored is fine.
    [[nodiscard]] Result<BlobInfo> commit(std::optional<Sha256Digest> expected = std::nullopt);

private:
    friend class BlobStore;
    struct Impl;
    explicit BlobWriter(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Content-addressed files: `root`/blobs/ab/cdef..., immutable once there. Thread-safe. All calls
/// block on the disk. Nothing half-written is ever visible under a digest. Blobs are read-only
/// files (mode 0400), so that a hard link to one cannot be written through by mistake.
class BlobStore {
public:
    /// Makes the folder, and removes temporary files that a crash left.
    [[nodiscard]] static Result<std::unique_ptr<BlobStore>> open(
        const std::filesystem::path& root, const Clock& clock = system_clock());
    ~BlobStore();

    /// `exhausted` up front when `expected_size` plus some slack is not free.
    [[nodiscard]] Result<BlobWriter> begin(std::uint64_t expected_size = 0);
    [[nodiscard]] Result<BlobInfo> put(ByteSpan bytes);
    /// Takes over a finished file of the same file system by rename, after hashing it. The source
    /// is gone afterwards; on a mismatch `corrupt`, and the source is removed too.
    [[nodiscard]] Result<BlobInfo> adopt(const std::filesystem::path& file,
                                         std::optional<Sha256Digest> expected = std::nullopt);

    /// Makes a stored blob as young as a new one, so that collect() leaves the caller `min_age` to
    /// write its reference. `not_found` when it is not there.
    [[nodiscard]] Status refresh(const Sha256Digest& digest);

    [[nodiscard]] bool contains(const Sha256Digest& digest) const;
    [[nodiscard]] Result<BlobInfo> stat(const Sha256Digest& digest) const;
    /// Read only. `not_found` names the digest.
    [[nodiscard]] Result<UniqueFd> open_blob(const Sha256Digest& digest) const;
    [[nodiscard]] std::filesystem::path path_of(const Sha256Digest& digest) const;
    /// Reads it all and compares the hash: `corrupt` when it does not match.
    [[nodiscard]] Status verify(const Sha256Digest& digest) const;
    [[nodiscard]] Status remove(const Sha256Digest& digest);
    [[nodiscard]] Result<std::vector<BlobInfo>> list() const;

    struct Collected {
        std::uint64_t removed = 0;
        std::uint64_t bytes = 0;
    };
    /// Removes blobs older than `min_age` (0: of any age) that `is_referenced` denies. The age
    /// protects an upload whose reference is not written yet; it counts by the monotonic clock for
    /// what this process stored lately, and by file time for the rest. An error of `is_referenced`
    /// ends the collection.
    [[nodiscard]] Result<Collected> collect(
        const std::function<Result<bool>(const Sha256Digest&)>& is_referenced,
        std::chrono::seconds min_age);

    /// A folder on the same file system for the caller's partial files.
    [[nodiscard]] const std::filesystem::path& staging_folder() const;

private:
    friend class BlobWriter;
    struct Impl;
    explicit BlobStore(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace strandline::store
