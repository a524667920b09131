#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"

namespace strandline::trust {

/// What desired_state_from_json() accepts, and so what may be ordered.
inline constexpr std::chrono::hours max_soak{24};
inline constexpr std::chrono::hours max_latency_limit{1};
inline constexpr std::chrono::milliseconds min_self_test{1};
inline constexpr std::chrono::hours max_self_test{1};
inline constexpr std::chrono::hours max_spread{7 * 24};
inline constexpr std::size_t max_desired_slots = 64;

/// How a device watches a new release before it calls it good.
struct SoakPolicy {
    std::chrono::milliseconds duration{10'000};
    double max_error_rate = 0.05;              ///< failed / all inferences during the soak
    std::chrono::milliseconds max_latency{0};  ///< 99th percentile; 0 is no limit
    friend bool operator==(const SoakPolicy&, const SoakPolicy&) = default;
};

struct SelfTestPolicy {
    std::chrono::milliseconds timeout{30'000};
    std::uint64_t memory_bytes = 0;  ///< 0: the agent's default
    friend bool operator==(const SelfTestPolicy&, const SelfTestPolicy&) = default;
};

struct DesiredSlot {
    std::string slot;
    std::string package;
    std::string version;
    std::string variant;
    Sha256Digest manifest;   ///< digest of the manifest's payload
    std::string deployment;  ///< id, echoed in reports; also makes a repeated order a new one
    SoakPolicy soak;
    SelfTestPolicy self_test;
    bool allow_full = true;  ///< whether the full file may be fetched when no delta works
    friend bool operator==(const DesiredSlot&, const DesiredSlot&) = default;
};

/// What one device shall run. Generations only grow; a device refuses a lower one, and another
/// content under the same one.
struct DesiredState {
    std::string device;
    std::int64_t generation = 0;
    std::string issued;  ///< RFC 3339; raises the device's time floor
    std::vector<DesiredSlot> slots;
    std::chrono::milliseconds spread{0};  ///< start somewhere in this window
    friend bool operator==(const DesiredState&, const DesiredState&) = default;
};

[[nodiscard]] std::string to_json(const DesiredState& state);
[[nodiscard]] Result<DesiredState> desired_state_from_json(std::string_view json);

}  // namespace strandline::trust
