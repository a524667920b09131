#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/sha256.h"
#include "fleet/selector.h"
#include "trust/desired_state.h"

namespace strandline::fleet {

enum class DeploymentState { running, succeeded, failed, cancelled, superseded };
[[nodiscard]] std::string_view to_string(DeploymentState state);
[[nodiscard]] Result<DeploymentState> deployment_state_from(std::string_view text);

/// pending -> updating -> active | refused | failed; cancelled and superseded from the first two.
enum class DeviceState { pending, updating, active, refused, failed, cancelled, superseded };
[[nodiscard]] std::string_view to_string(DeviceState state);
[[nodiscard]] Result<DeviceState> device_state_from(std::string_view text);
/// Neither pending nor updating.
[[nodiscard]] bool is_final(DeviceState state);

/// How devices shall go about it.
struct DeploymentPolicy {
    trust::SoakPolicy soak;
    trust::SelfTestPolicy self_test;
    std::chrono::milliseconds spread{0};
    bool allow_full = true;
    friend bool operator==(const DeploymentPolicy&, const DeploymentPolicy&) = default;
};
[[nodiscard]] std::string to_json(const DeploymentPolicy& policy);
/// Of a stored one; values beyond what devices accept are brought to it.
[[nodiscard]] Result<DeploymentPolicy> deployment_policy_from_json(std::string_view json);
/// `invalid`, naming field and range, when a device would refuse to read an order with it.
[[nodiscard]] Status check_policy(const DeploymentPolicy& policy);

/// One device's part in a deployment.
struct DeploymentRow {
    std::string device;
    DeviceState state = DeviceState::pending;
    std::string stage;  ///< state of the device's update machine
    double progress = 0;
    std::string reason;        ///< one word, when refused or failed
    std::string message;       ///< one sentence
    std::string from_version;  ///< that the device proved to run before; empty without
    std::string version;
    std::uint64_t bytes_full = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t deltas = 0;
    std::uint64_t fulls = 0;
    std::uint64_t delta_fallbacks = 0;
    std::int64_t duration_ms = 0;
    WallTime updated;
    friend bool operator==(const DeploymentRow&, const DeploymentRow&) = default;
};

struct DeploymentTotals {
    std::int64_t devices = 0;
    std::int64_t pending = 0;
    std::int64_t updating = 0;
    std::int64_t active = 0;
    std::int64_t refused = 0;
    std::int64_t failed = 0;
    std::int64_t cancelled = 0;
    std::int64_t superseded = 0;
    std::uint64_t bytes_full = 0;
    std::uint64_t bytes_received = 0;
};

struct Deployment {
    std::string id;
    std::int64_t sequence = 0;  ///< order of creation
    std::string package;
    std::string version;
    std::string variant;
    std::string release;  ///< id; empty when the release was deleted later
    Sha256Digest manifest;
    std::string slot;
    std::string channel;    ///< empty when it names a version
    bool follow = false;    ///< gets a successor when the channel moves
    bool standing = false;  ///< devices that come to match later receive it too
    Selector to;
    DeploymentPolicy policy;
    DeploymentState state = DeploymentState::running;
    WallTime created;
    std::string created_by;
    std::string rollback_of;  ///< deployment that this one undoes; empty without
    DeploymentTotals totals;
};

/// What an operator asks for. Exactly one of version and channel.
struct DeploymentRequest {
    std::string package;
    std::optional<std::string> version;
    std::optional<std::string> channel;
    /// With a channel, the variant is the channel's; naming another one is `conflict`.
    std::optional<std::string> variant;
    std::optional<std::string> slot;  ///< the package's name when absent
    Selector to;
    DeploymentPolicy policy;
    std::optional<bool> follow;  ///< true when absent and a channel is named
    std::string created_by;
};

}  // namespace strandline::fleet
