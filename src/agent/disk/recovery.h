#pragma once

#include <optional>
#include <set>

#include "agent/disk/records.h"

namespace strandline::agent {

/// What a slot's files say at the start of the program.
struct SlotDisk {
    SlotPointer pointer;
    UpdateJournal journal;
    friend bool operator==(const SlotDisk&, const SlotDisk&) = default;
};

/// The state to go on from.
struct SlotRecovery {
    SlotDisk disk;
    /// The pointer differs from the one on disk and must be written before the journal.
    bool pointer_changed = false;
    /// A release that was active or previous and is damaged; it is to be moved aside.
    std::set<Sha256Digest> damaged;
    /// What to report about the damage or the crash loop.
    std::optional<trust::ReportedError> problem;
};

/// How often loading the active release may end the process before the previous one is used.
inline constexpr unsigned max_load_attempts = 3;

/// Decides how to go on after any stop, power cuts included, from what is on disk alone.
/// `intact` holds the releases whose every byte was just verified. Pure, and idempotent: applied to
/// its own result it changes nothing.
[[nodiscard]] SlotRecovery recover(const SlotDisk& disk, const std::set<Sha256Digest>& intact);

/// What a switch writes: `target` becomes active, and the last proven release stays the way back.
[[nodiscard]] SlotPointer pointer_after_switch(const SlotDisk& disk, const Sha256Digest& target);

/// What a roll-back writes: the previous release alone, or nothing when there is none.
[[nodiscard]] SlotPointer pointer_after_roll_back(const SlotPointer& pointer);

}  // namespace strandline::agent
