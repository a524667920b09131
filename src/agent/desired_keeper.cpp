#include "agent/desired_keeper.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/ids.h"
#include "base/log.h"

namespace strandline::agent {
namespace {

constexpr std::size_t max_envelope_bytes = 1U << 20;

}  // namespace

Result<trust::DesiredState> DesiredKeeper::check(const std::string& payload) const {
    TRY(auto state, trust::desired_state_from_json(payload));
    if (state.device != device_) {
        return fail(Errc::forbidden,
                    "the desired state is for device " + state.device + ", we are " + device_);
    }
    std::set<std::string> names;
    for (const auto& slot : state.slots) {
        TRY(check_name("slot", slot.slot));
        if (!names.insert(slot.slot).second) {
            return fail(Errc::invalid, "the desired state names slot " + slot.slot + " twice");
        }
    }
    return state;
}

void DesiredKeeper::load() {
    const auto text = read_text_file(folder_.desired_file(), max_envelope_bytes);
    if (!text) return;
    const auto envelope = trust::envelope_from_json(*text);
    if (!envelope) return;
    const auto payload =
        trust::verify_envelope(*envelope, trust::desired_type, keys_->keys().desired);
    if (!payload) {
        log_warn("kept desired state dropped error=\"{}\"", payload.error().message);
        return;
    }
    auto state = check(*payload);
    if (!state) return;
    if (const auto fresh = record_->check_generation(state->generation, envelope->digest()); !fresh)
        return;
    state_ = std::move(*state);
    // The file is written before the record, so a cut between the two leaves the record behind.
    ignore(record_->accept_generation(state_->generation, envelope->digest()),
           "repeated at the next news");
}

net::Task<bool> DesiredKeeper::accept(trust::Envelope envelope) {
    const auto digest = envelope.digest();
    if (state_ && record_->record().desired == digest) co_return false;
    auto payload = co_await keys_->verify(envelope, std::string(trust::desired_type));
    if (!payload) co_return context("desired state", std::move(payload).error());
    CO_TRY(auto state, check(*payload));
    CO_TRY(record_->check_generation(state.generation, digest));
    CO_TRY(write_file_atomically(folder_.desired_file(), as_bytes(trust::to_json(envelope))));
    CO_TRY(record_->accept_generation(state.generation, digest));
    if (const auto issued = from_rfc3339(state.issued)) {
        ignore(record_->raise_floor(*issued), "raised again by the next news");
    }
    log_info("desired state accepted generation={} slots={}", state.generation, state.slots.size());
    state_ = std::move(state);
    co_return true;
}

const trust::DesiredSlot* DesiredKeeper::slot(std::string_view name) const {
    if (!state_) return nullptr;
    const auto found = std::find_if(state_->slots.begin(), state_->slots.end(),
                                    [&](const auto& slot) { return slot.slot == name; });
    return found == state_->slots.end() ? nullptr : &*found;
}

}  // namespace strandline::agent
