#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/disk/recovery.h"
#include "agent/disk/release_store.h"
#include "agent/run/running_release.h"
#include "base/clock.h"
#include "trust/report.h"

namespace strandline::agent {

/// One slot as it is right now: what is on disk, what runs, and what went wrong last. Plain data of
/// the I/O thread; the update driver changes it and the reporter reads it.
struct Slot {
    std::string name;
    SlotDisk disk;  ///< equals the files of the slot
    std::optional<Release> active;
    std::optional<Release> previous;
    std::unique_ptr<RunningRelease> running;  ///< serves `active`
    std::uint64_t starts = 0;                 ///< how often `running` was replaced
    bool loading = false;                     ///< a load is under way that the journal counts
    std::string not_serving_reason = "no model is installed";
    std::optional<trust::ReportedError> problem;  ///< of this start; a refusal is in the journal
    double progress = 0;
    SteadyTime active_since{};
    /// Of the order being worked on or refused last, once its manifest was read.
    std::optional<std::set<Sha256Digest>> order_blobs;
};

/// True when the order is carried out and nothing is left to do for it.
[[nodiscard]] bool is_converged(const Slot& slot, const OrderId& order);
/// True when this very order was refused; it is not tried again.
[[nodiscard]] bool is_refused(const Slot& slot, const OrderId& order);

/// True when the trouble was not the release's own: bytes that the hub or the disk did not give.
[[nodiscard]] bool may_heal(const trust::ReportedError& refusal);

/// What the report says about a slot. `deployment` is of the desired state, empty when it has none.
[[nodiscard]] trust::ReportedSlot report_slot(const Slot& slot, const std::string& deployment,
                                              SteadyTime now);

}  // namespace strandline::agent
