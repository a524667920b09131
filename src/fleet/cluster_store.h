#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "registry/page.h"
#include "store/sql/database.h"

namespace strandline::fleet {

struct Cluster {
    std::string name;
    std::string description;
    std::vector<std::string> members;  ///< device ids, sorted
    WallTime created;
};

/// Clusters. Membership changes desired states, so it goes through FleetService::join_cluster() and
/// leave_cluster(). Thread-safe; every call blocks on the database.
class ClusterStore {
public:
    ClusterStore(store::Database& database, const Clock& clock)
        : database_(&database), clock_(&clock) {}

    /// `conflict` when it exists.
    [[nodiscard]] Result<Cluster> create(std::string_view name, std::string_view description);
    [[nodiscard]] Result<Cluster> get(std::string_view name) const;
    /// By name.
    [[nodiscard]] Result<registry::Page<Cluster>> list(const registry::PageRequest& page) const;
    /// Members keep what they run; standing deployments to it reach nobody new.
    [[nodiscard]] Status remove(std::string_view name);

    // Inside a transaction of the caller.
    [[nodiscard]] static Status require(store::Transaction& transaction, std::string_view name);
    /// True when it was no member before.
    [[nodiscard]] static Result<bool> add_member(store::Transaction& transaction,
                                                 std::string_view name, std::string_view device);
    /// True when it was a member.
    [[nodiscard]] static Result<bool> remove_member(store::Transaction& transaction,
                                                    std::string_view name, std::string_view device);

private:
    store::Database* database_;
    const Clock* clock_;
};

}  // namespace strandline::fleet
