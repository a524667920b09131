#include "agent/slot.h"

namespace strandline::agent {
namespace {

std::optional<trust::ReportedRelease> report_release(const std::optional<Release>& release) {
    if (!release) return std::nullopt;
    trust::ReportedRelease out;
    out.package = release->manifest.package;
    out.version = release->manifest.version;
    out.variant = release->manifest.variant;
    out.manifest = release->digest;
    for (const auto& file : release->manifest.files) out.files[file.path] = file.sha256;
    return out;
}

}  // namespace

bool is_converged(const Slot& slot, const OrderId& order) {
    return slot.disk.pointer.active == order.manifest && slot.disk.journal.completed == order &&
           slot.disk.journal.state == UpdateState::idle;
}

bool is_refused(const Slot& slot, const OrderId& order) {
    return slot.disk.journal.refusal && slot.disk.journal.refusal->order == order;
}

bool may_heal(const trust::ReportedError& refusal) {
    const bool before_trial = refusal.stage == to_string(UpdateState::plan) ||
                              refusal.stage == to_string(UpdateState::fetch) ||
                              refusal.stage == to_string(UpdateState::assemble) ||
                              refusal.stage == to_string(UpdateState::verify);
    return before_trial && (refusal.reason == "corrupt" || refusal.reason == "not_found" ||
                            refusal.reason == "no_space");
}

namespace {

/// The deployment that the rest of a report is about: a newer order that has not begun yet must not
/// be given the outcome of the one before it.
std::string reported_deployment(const UpdateJournal& journal, const std::string& ordered) {
    // Beside an order, a refusal is of a newer one, and news.
    if (journal.refusal) return journal.refusal->order.deployment;
    if (journal.order) return journal.order->deployment;
    if (journal.completed) return journal.completed->deployment;
    return ordered;
}

}  // namespace

trust::ReportedSlot report_slot(const Slot& slot, const std::string& deployment, SteadyTime now) {
    const auto& journal = slot.disk.journal;
    trust::ReportedSlot out;
    out.slot = slot.name;
    out.state = std::string(to_string(journal.state));
    out.deployment = reported_deployment(journal, deployment);
    out.active = report_release(slot.active);
    out.previous = report_release(slot.previous);
    if (journal.order) out.target = journal.order->manifest;
    out.serving = slot.running != nullptr;
    if (!out.serving) out.not_serving_reason = slot.not_serving_reason;
    out.self_test = journal.self_test;
    out.progress = slot.progress;
    if (slot.running) {
        out.uptime_ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(now - slot.active_since).count();
        const auto statistics = slot.running->statistics();
        out.inferences = statistics.inferences;
        out.inference_errors = statistics.errors;
    }
    out.last_update = journal.totals;
    out.error = slot.problem;
    if (journal.refusal) {
        out.error = journal.refusal->error;
        out.refused = journal.refusal->order.manifest;
    }
    return out;
}

}  // namespace strandline::agent
