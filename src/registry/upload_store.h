#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/sha256.h"
#include "store/sql/database.h"

namespace strandline::registry {

/// A resumable upload (tus 1.0.0). The bytes so far lie in a staging file named after the id.
struct Upload {
    std::string id;  ///< "u-..."
    std::uint64_t length = 0;
    std::uint64_t offset = 0;
    std::optional<Sha256Digest> expected;
    std::string filename;
    std::string owner;  ///< who may continue it
    WallTime created;
    WallTime expires;
};

struct UploadRequest {
    std::uint64_t length = 0;
    std::optional<Sha256Digest> expected;
    std::string filename;
    std::string owner;
    std::chrono::seconds lifetime{24 * 3600};
};

/// Rows of running uploads. Thread-safe; every call blocks on the database.
class UploadStore {
public:
    UploadStore(store::Database& database, const Clock& clock)
        : database_(&database), clock_(&clock) {}

    /// `exhausted` when the owner has too many unfinished ones.
    [[nodiscard]] Result<Upload> create(const UploadRequest& request);
    /// `not_found` names the id, also when it has expired.
    [[nodiscard]] Result<Upload> get(std::string_view id) const;
    /// Moves the offset from `from` to `to` and extends the expiry, also of one whose time is over
    /// and that was not removed; `conflict` when another request moved it first.
    [[nodiscard]] Status advance(std::string_view id, std::uint64_t from, std::uint64_t to,
                                 std::chrono::seconds lifetime = std::chrono::hours{24});
    [[nodiscard]] Status remove(std::string_view id);
    /// Ids of uploads whose time is over, at most 1000; remove() each after its file.
    [[nodiscard]] Result<std::vector<std::string>> expired() const;

private:
    store::Database* database_;
    const Clock* clock_;
};

}  // namespace strandline::registry
