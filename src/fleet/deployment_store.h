#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/deployment.h"
#include "registry/page.h"
#include "store/sql/database.h"

namespace strandline::fleet {

struct FollowedChannel {
    std::string package;
    std::string channel;
};

/// Reading deployments; they are made and changed by FleetService. Thread-safe; every call blocks.
class DeploymentStore {
public:
    explicit DeploymentStore(store::Database& database) : database_(&database) {}

    /// With totals; `not_found` names it.
    [[nodiscard]] Result<Deployment> get(std::string_view id) const;
    /// Newest first, with totals.
    [[nodiscard]] Result<registry::Page<Deployment>> list(std::optional<DeploymentState> state,
                                                          const registry::PageRequest& page) const;
    /// Rows by device id.
    [[nodiscard]] Result<registry::Page<DeploymentRow>> rows(
        std::string_view id, const registry::PageRequest& page) const;
    [[nodiscard]] Result<std::int64_t> count(DeploymentState state) const;
    /// Channels with followers on another release than they point to: FleetService::
    /// on_channel_moved() was not called after their move, or failed.
    [[nodiscard]] Result<std::vector<FollowedChannel>> channels_left() const;

private:
    store::Database* database_;
};

}  // namespace strandline::fleet
