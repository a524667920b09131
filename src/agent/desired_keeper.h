#pragma once

#include <optional>
#include <string>

#include "agent/device_state.h"
#include "agent/disk/state_folder.h"
#include "agent/hub/key_keeper.h"
#include "trust/desired_state.h"

namespace strandline::agent {

/// What this device shall run: verified, never older than what was seen, kept over restarts.
/// Belongs to the I/O thread.
class DesiredKeeper {
public:
    DesiredKeeper(StateFolder folder, std::string device, KeyKeeper& keys, DeviceState& record)
        : folder_(std::move(folder)), device_(std::move(device)), keys_(&keys), record_(&record) {}

    /// The one kept from before, so that work goes on while the hub is away. None is fine; one that
    /// does not verify any more is dropped.
    void load();

    /// Takes over a desired state. True when it is news, false when it is the known one. A wrong
    /// signature, another device's state, or an older generation is refused with the reason.
    [[nodiscard]] net::Task<bool> accept(trust::Envelope envelope);

    /// Null before the first one.
    [[nodiscard]] const trust::DesiredState* state() const { return state_ ? &*state_ : nullptr; }
    [[nodiscard]] std::int64_t generation() const { return state_ ? state_->generation : 0; }
    [[nodiscard]] const trust::DesiredSlot* slot(std::string_view name) const;

private:
    [[nodiscard]] Result<trust::DesiredState> check(const std::string& payload) const;

    StateFolder folder_;
    std::string device_;
    KeyKeeper* keys_;
    DeviceState* record_;
    std::optional<trust::DesiredState> state_;
};

}  // namespace strandline::agent
