#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "fleet/deployment.h"
#include "fleet/members.h"
#include "fleet/totals_ledger.h"
#include "registry/hooks.h"
#include "store/sql/database.h"

// Steps that the calls of FleetService are made of. Internal to fleet.
namespace strandline::fleet {

/// What one transaction of FleetService collects until its end.
struct FleetWork {
    store::Transaction& transaction;
    WallTime now;
    const registry::Signer& sign;
    TotalsLedger totals{};
    std::set<std::string> touched{};  ///< devices whose slots changed

    /// Writes totals, then builds the desired states of touched devices; those that changed.
    [[nodiscard]] Result<std::vector<std::string>> finish();
};

/// Stores the deployment (its id, sequence, time and state are set here), places it on the devices
/// that it means and asks for the deltas they will need.
[[nodiscard]] Status start_deployment(FleetWork& work, Deployment& deployment);
/// Gives the device what standing deployments have for it.
[[nodiscard]] Status assign_standing(FleetWork& work, std::string_view device);
/// Asks for the deltas that bring the members to a release.
[[nodiscard]] Status want_deltas(FleetWork& work, std::string_view release, std::string_view slot,
                                 const Members& members);

}  // namespace strandline::fleet
