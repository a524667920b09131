#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "registry/page.h"
#include "store/sql/database.h"

namespace strandline::registry {

struct Package {
    std::string name;
    std::string description;
    std::int64_t releases = 0;
    std::string
        latest;  ///< highest version (semantic order, stable before pre-release); empty without
    WallTime created;
};

struct Variant {
    std::string name;
    std::int64_t releases = 0;
    std::string latest;
};

/// Packages. Thread-safe; every call blocks on the database.
class PackageStore {
public:
    PackageStore(store::Database& database, const Clock& clock)
        : database_(&database), clock_(&clock) {}

    /// `conflict` when it exists.
    [[nodiscard]] Result<Package> create(std::string_view name, std::string_view description);
    [[nodiscard]] Result<Package> get(std::string_view name) const;
    /// By name.
    [[nodiscard]] Result<Page<Package>> list(const PageRequest& page) const;
    [[nodiscard]] Result<Package> describe(std::string_view name, std::string_view description);
    /// `conflict` while it has releases.
    [[nodiscard]] Status remove(std::string_view name);
    [[nodiscard]] Result<std::vector<Variant>> variants(std::string_view name) const;

    /// Creates it when missing, inside a transaction of the caller.
    [[nodiscard]] static Status ensure(store::Transaction& transaction, std::string_view name,
                                       WallTime now);

private:
    store::Database* database_;
    const Clock* clock_;
};

}  // namespace strandline::registry
