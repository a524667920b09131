#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "fleet/assignment.h"
#include "fleet/delta_plan.h"
#include "fleet/deployment.h"
#include "fleet/members.h"
#include "fleet/totals_ledger.h"
#include "store/sql/database.h"

// Which deployment holds which slot of which device, in sets rather than one by one. Internal to
// fleet's services.
namespace strandline::fleet {

/// Gives the deployment's slot on every member that is not revoked to the deployment: a pending row
/// each that remembers what the slot held before, rows of other deployments superseded. What
/// counts as before: the deployment that held the slot, or, when the device had refused or failed
/// that one, what was before it. Returns the devices, sorted.
[[nodiscard]] Result<std::vector<std::string>> place(store::Transaction& transaction,
                                                     const Deployment& deployment,
                                                     const Members& members, TotalsLedger& totals,
                                                     WallTime now);

/// A device whose slot a deployment holds, and the deployment to go back to; none when empty.
struct Held {
    std::string device;
    std::string before;
    DeviceState state = DeviceState::pending;
};
[[nodiscard]] Result<std::vector<Held>> held_by(store::Transaction& transaction,
                                                std::string_view deployment);
/// Hands the slot back to `held.before`, or empties it when nothing was before, and cancels the row
/// of `deployment`. `conflict` when the release of what was before is gone.
[[nodiscard]] Status hand_back(store::Transaction& transaction, const Deployment& deployment,
                               const Held& held, TotalsLedger& totals, WallTime now);
/// After `ended` was cancelled or rolled back: a deployment that followed it on a device which
/// never came to run it returns to what was before both, not to the order that was withdrawn.
[[nodiscard]] Status skip_as_before(store::Transaction& transaction, std::string_view ended);
/// Empties a slot on the members; rows that are not final are cancelled. Returns the devices.
[[nodiscard]] Result<std::vector<std::string>> empty_slot(store::Transaction& transaction,
                                                          std::string_view slot,
                                                          const Members& members,
                                                          TotalsLedger& totals, WallTime now);
/// Cancels every row of the device that is not final.
[[nodiscard]] Status cancel_rows_of(store::Transaction& transaction, std::string_view device,
                                    TotalsLedger& totals, WallTime now);
/// Slot -> deployment of one device.
[[nodiscard]] Result<std::map<std::string, Candidate>> current_slots(
    store::Transaction& transaction, std::string_view device);
/// Distinct files that the members proved to hold in this slot or of this package, those of most
/// devices first.
[[nodiscard]] Result<std::vector<KnownFile>> known_files(store::Transaction& transaction,
                                                         std::string_view slot,
                                                         std::string_view package,
                                                         const Members& members);

}  // namespace strandline::fleet
