#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/sha256.h"
#include "store/sql/database.h"

namespace strandline::registry {

/// A row of the legacy upload API (specs S0-7), beside the release made from it.
struct LegacyFile {
    std::int64_t id = 0;  ///< given by add()
    std::string title;
    std::string description;
    std::string version;   ///< as it was sent
    std::string filename;  ///< `<title>-<version>.<ext>`, safe in a URL path
    Sha256Digest blob;
    std::uint64_t size = 0;
    std::string release;  ///< id; empty when none was made
    WallTime uploaded;
};

/// Thread-safe; every call blocks on the database.
class LegacyFileStore {
public:
    LegacyFileStore(store::Database& database, const Clock& clock)
        : database_(&database), clock_(&clock) {}

    /// `conflict` when title and version exist.
    [[nodiscard]] Result<LegacyFile> add(LegacyFile file);
    [[nodiscard]] Result<LegacyFile> get(std::int64_t id) const;
    [[nodiscard]] Result<LegacyFile> find(std::string_view title, std::string_view version) const;
    /// The one served under /media/Files/TITLE/FILENAME.
    [[nodiscard]] Result<LegacyFile> find_file(std::string_view title,
                                               std::string_view filename) const;
    /// By id, at most 1000 after `after`.
    [[nodiscard]] Result<std::vector<LegacyFile>> list(std::int64_t after = 0) const;
    /// Replaces everything but id and uploaded.
    [[nodiscard]] Status update(const LegacyFile& file);
    /// The row only; the release stays.
    [[nodiscard]] Status remove(std::int64_t id);

private:
    store::Database* database_;
    const Clock* clock_;
};

}  // namespace strandline::registry
