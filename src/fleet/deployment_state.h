#pragma once

#include "fleet/deployment.h"
#include "trust/report.h"

namespace strandline::fleet {

/// What a deployment row must know of its deployment to be moved by reports.
struct RowTarget {
    std::string deployment;
    std::string slot;
    Sha256Digest manifest;
};

/// The row after a report. Only what the device proved counts: `active` needs the target's manifest
/// as the active release of the slot, converged, under this very deployment. A report that speaks
/// of another deployment, or of a slot it does not mention, changes nothing. Giving up before the
/// switch is `refused`, after it `failed`. Later reports overrule refused, failed and active by
/// each other, since the device knows best; cancelled and superseded stay. Pure; `updated` is left
/// alone.
[[nodiscard]] DeploymentRow advance_row(const DeploymentRow& row, const RowTarget& target,
                                        const trust::Report& report);

/// The state of a deployment that was not cancelled.
[[nodiscard]] DeploymentState derive_state(const DeploymentTotals& totals);

}  // namespace strandline::fleet
