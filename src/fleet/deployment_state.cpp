#include "fleet/deployment_state.h"

#include <algorithm>
#include <array>
#include <optional>

namespace strandline::fleet {
namespace {

const trust::ReportedSlot* find_slot(const trust::Report& report, std::string_view name) {
    for (const auto& slot : report.slots) {
        if (slot.slot == name) return &slot;
    }
    return nullptr;
}

// Where the update machine is once the new release has been switched on: a stop there means that
// it ran and was given up, one before means that it was never let in.
bool was_switched_on(std::string_view stage) {
    constexpr std::array<std::string_view, 6> stages{"switch",   "soak",      "report",
                                                     "rollback", "roll_back", "active"};
    return std::find(stages.begin(), stages.end(), stage) != stages.end();
}

// The stage in which the target was given up, if it was.
std::optional<std::string_view> given_up_in(const trust::ReportedSlot& slot,
                                            const RowTarget& target) {
    if (!slot.error || slot.refused != target.manifest) return std::nullopt;
    return slot.error->stage;
}

bool is_converged(const trust::ReportedSlot& slot, const RowTarget& target) {
    return slot.active && slot.active->manifest == target.manifest && slot.state == "idle";
}

DeviceState next_state(DeviceState state, const trust::ReportedSlot& slot,
                       const RowTarget& target) {
    if (const auto stage = given_up_in(slot, target)) {
        const bool ran = state == DeviceState::active || was_switched_on(*stage);
        return ran ? DeviceState::failed : DeviceState::refused;
    }
    if (is_converged(slot, target)) return DeviceState::active;
    if (is_final(state)) return state;
    const bool working = slot.state != "idle" || slot.target == target.manifest;
    return working ? DeviceState::updating : state;
}

}  // namespace

DeploymentRow advance_row(const DeploymentRow& row, const RowTarget& target,
                          const trust::Report& report) {
    const auto* slot = find_slot(report, target.slot);
    if (slot == nullptr || slot->deployment != target.deployment) return row;
    if (row.state == DeviceState::cancelled || row.state == DeviceState::superseded) return row;

    DeploymentRow next = row;
    next.state = next_state(row.state, *slot, target);
    next.stage = slot->state;
    next.progress = next.state == DeviceState::active ? 1.0 : std::clamp(slot->progress, 0.0, 1.0);
    next.reason.clear();
    next.message.clear();
    if (slot->error && next.state != DeviceState::active) {
        next.reason = slot->error->reason;
        next.message = slot->error->message;
    }
    next.bytes_full = slot->last_update.bytes_full;
    next.bytes_received = slot->last_update.bytes_received;
    next.deltas = slot->last_update.deltas;
    next.fulls = slot->last_update.fulls;
    next.delta_fallbacks = slot->last_update.delta_fallbacks;
    next.duration_ms = slot->last_update.duration_ms;
    return next;
}

DeploymentState derive_state(const DeploymentTotals& totals) {
    if (totals.pending + totals.updating > 0) return DeploymentState::running;
    if (totals.refused + totals.failed > 0) return DeploymentState::failed;
    if (totals.superseded > 0) return DeploymentState::superseded;
    if (totals.cancelled > 0 && totals.active == 0) return DeploymentState::cancelled;
    return DeploymentState::succeeded;
}

}  // namespace strandline::fleet
