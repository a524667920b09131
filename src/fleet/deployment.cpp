#include "fleet/deployment.h"

#include <array>
#include <fmt/core.h>

namespace strandline::fleet {
namespace {

constexpr std::array<std::string_view, 5> deployment_states{"running", "succeeded", "failed",
                                                            "cancelled", "superseded"};
constexpr std::array<std::string_view, 7> device_states{
    "pending", "updating", "active", "refused", "failed", "cancelled", "superseded"};

template <class State, std::size_t count>
Result<State> state_from(const std::array<std::string_view, count>& names, std::string_view text,
                         std::string_view what) {
    for (std::size_t i = 0; i < count; ++i) {
        if (names[i] == text) return static_cast<State>(i);
    }
    return fail(Errc::invalid, fmt::format("{} \"{}\" is unknown", what, text.substr(0, 32)));
}

}  // namespace

std::string_view to_string(DeploymentState state) {
    return deployment_states[static_cast<std::size_t>(state)];
}

Result<DeploymentState> deployment_state_from(std::string_view text) {
    return state_from<DeploymentState>(deployment_states, text, "deployment state");
}

std::string_view to_string(DeviceState state) {
    return device_states[static_cast<std::size_t>(state)];
}

Result<DeviceState> device_state_from(std::string_view text) {
    return state_from<DeviceState>(device_states, text, "state of a device in a deployment");
}

bool is_final(DeviceState state) {
    return state != DeviceState::pending && state != DeviceState::updating;
}

}  // namespace strandline::fleet
