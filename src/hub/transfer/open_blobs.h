#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "store/blob/blob_store.h"

namespace strandline::hub {

/// A blob that is open for reading.
struct OpenBlob {
    std::shared_ptr<const UniqueFd> file;  // shared by all transfers of the blob
    std::uint64_t size = 0;
};

/// The blobs sent lately, kept open: a rollout asks for the same few files again and again.
/// Thread-safe.
class OpenBlobs {
public:
    explicit OpenBlobs(const store::BlobStore& blobs) : blobs_(&blobs) {}

    /// Only what is open already, so that it never waits for the disk. A blob that was removed
    /// meanwhile, by whomever, is not found.
    [[nodiscard]] std::optional<OpenBlob> find(const Sha256Digest& digest);
    /// Opens it when it is not open yet. `not_found` names the digest. Blocks.
    [[nodiscard]] Result<OpenBlob> open(const Sha256Digest& digest);
    /// Closes those that were removed, which gives their room on the disk back.
    void close_removed();

    [[nodiscard]] std::size_t size() const;

private:
    struct Entry {
        Sha256Digest digest;
        OpenBlob blob;
        std::uint64_t used = 0;
    };

    const store::BlobStore* blobs_;
    mutable std::mutex mutex_;
    std::vector<Entry> entries_;
    std::uint64_t uses_ = 0;
};

}  // namespace strandline::hub
