#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "fleet/deployment.h"
#include "fleet/deployment_state.h"
#include "store/sql/database.h"
#include "trust/report.h"

// What reports leave in the database. Internal to fleet's services.
namespace strandline::fleet {

struct ReportNews {
    bool accepted = false;   ///< newer than what was known
    bool fell_back = false;  ///< of an earlier boot than was known
    bool came_online = false;
    bool files_changed = false;   ///< the device holds other files than it said before
    bool status_changed = false;  ///< something an operator would want to see
    std::int64_t generation = 0;  ///< newest desired
};

/// Stores a report unless it is older than the last one. `not_found` for unknown devices,
/// `unauthenticated` for revoked ones, `invalid` for one too long to be read again; nothing is
/// changed then.
[[nodiscard]] Result<ReportNews> save_report(store::Transaction& transaction,
                                             const trust::Report& report, WallTime now);

/// A row that a report can move, with what it must prove.
struct OpenRow {
    RowTarget target;
    DeploymentRow row;
    std::string release;
    std::string package;
};
/// One per slot of the device: that of the deployment which holds the slot.
[[nodiscard]] Result<std::vector<OpenRow>> current_rows(store::Transaction& transaction,
                                                        std::string_view device);

}  // namespace strandline::fleet
