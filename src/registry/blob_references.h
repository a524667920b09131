#pragma once

#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "store/sql/database.h"

namespace strandline::registry {

/// Which blobs something still needs: files of releases, built deltas between them, and legacy
/// documents. The predicate of store::BlobStore::collect(). Thread-safe; blocks.
class BlobReferences {
public:
    explicit BlobReferences(store::Database& database) : database_(&database) {}

    [[nodiscard]] Result<bool> is_referenced(const Sha256Digest& digest) const;
    /// All of them, once each.
    [[nodiscard]] Result<std::vector<Sha256Digest>> all() const;
    /// Whether a release has a file with these bytes.
    [[nodiscard]] Result<bool> is_release_file(const Sha256Digest& digest) const;

private:
    store::Database* database_;
};

}  // namespace strandline::registry
