#include "agent/disk/recovery.h"

#include <string>

namespace strandline::agent {
namespace {

/// Drops what is damaged; a damaged active release gives way to an intact previous one.
void leave_damaged(SlotRecovery& out, const std::set<Sha256Digest>& intact) {
    auto& pointer = out.disk.pointer;
    if (pointer.previous && !intact.contains(*pointer.previous)) {
        out.damaged.insert(*pointer.previous);
        pointer.previous.reset();
    }
    if (!pointer.active || intact.contains(*pointer.active)) return;
    out.damaged.insert(*pointer.active);
    pointer = pointer_after_roll_back(pointer);
    out.disk.journal.load_attempts = 0;
    out.disk.journal.forget_unproven();
    out.disk.journal.self_test = "none";
    out.problem = trust::ReportedError{
        "idle", "corrupt", "the active release was damaged on disk; it is fetched again"};
}

/// A release that ended the process whenever it was loaded gives way too.
void leave_crashing(SlotRecovery& out) {
    auto& [pointer, journal] = out.disk;
    if (journal.load_attempts < max_load_attempts || !pointer.active) return;
    const trust::ReportedError error{"switch", "crash_loop",
                                     "loading the release ended the agent " +
                                         std::to_string(journal.load_attempts) + " times in a row"};
    if (journal.order && journal.order->manifest == *pointer.active) {
        journal.refusal = Refusal{*journal.order, error};
    } else if (journal.completed && journal.completed->manifest == *pointer.active) {
        journal.refusal = Refusal{*journal.completed, error};
    }
    pointer = pointer_after_roll_back(pointer);
    journal.load_attempts = 0;
    journal.forget_unproven();
    journal.completed.reset();
    journal.state = UpdateState::idle;
    journal.order.reset();
    out.problem = error;
}

/// Where the state machine goes on. Everything before the switch is planned anew: what was fetched
/// is still there and is found again.
UpdateState resume_state(const SlotDisk& disk) {
    const auto& journal = disk.journal;
    if (!journal.order) return UpdateState::idle;
    const bool switched = disk.pointer.active == journal.order->manifest;
    switch (journal.state) {
        case UpdateState::idle:
            return UpdateState::idle;
        case UpdateState::switch_over:
        case UpdateState::soak:
            return switched ? UpdateState::soak : UpdateState::plan;
        case UpdateState::report:
            return switched ? UpdateState::report : UpdateState::plan;
        case UpdateState::roll_back:
            return UpdateState::roll_back;
        default:
            return UpdateState::plan;
    }
}

}  // namespace

SlotPointer pointer_after_switch(const SlotDisk& disk, const Sha256Digest& target) {
    const auto& pointer = disk.pointer;
    if (pointer.active == target) return pointer;
    const bool active_unproven = pointer.active && disk.journal.unproven == pointer.active;
    auto previous = active_unproven ? pointer.previous : pointer.active;
    if (previous == target) previous = pointer.active;
    return SlotPointer{target, previous};
}

SlotPointer pointer_after_roll_back(const SlotPointer& pointer) {
    return SlotPointer{pointer.previous, std::nullopt};
}

SlotRecovery recover(const SlotDisk& disk, const std::set<Sha256Digest>& intact) {
    SlotRecovery out;
    out.disk = disk;
    leave_damaged(out, intact);
    leave_crashing(out);
    auto& journal = out.disk.journal;
    // An interrupted roll-back knows by its failure which release must go.
    journal.state = resume_state(out.disk);
    if (journal.state == UpdateState::idle) journal.order.reset();
    out.pointer_changed = out.disk.pointer != disk.pointer;
    return out;
}

}  // namespace strandline::agent
