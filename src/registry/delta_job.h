#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/sha256.h"

namespace strandline::registry {

/// Which delta is wanted: from the bytes `base` to the bytes `target`.
struct DeltaPair {
    Sha256Digest base;
    Sha256Digest target;
    friend auto operator<=>(const DeltaPair&, const DeltaPair&) = default;
};

/// queued -> running -> built | not_worth (not smaller than the full file) | queued again | failed.
enum class DeltaState { queued, running, built, not_worth, failed };
[[nodiscard]] std::string_view to_string(DeltaState state);
[[nodiscard]] Result<DeltaState> delta_state_from(std::string_view text);

/// How much of the target one way of coding makes, and what that takes in the delta. Names and
/// meaning are those of delta::Coding.
struct DeltaShare {
    std::string coding;
    std::uint64_t new_bytes = 0;
    std::uint64_t delta_bytes = 0;

    friend bool operator==(const DeltaShare&, const DeltaShare&) = default;
};

/// One job and, once built, its result.
struct DeltaJob {
    std::int64_t id = 0;
    DeltaPair pair;
    DeltaState state = DeltaState::queued;
    std::uint64_t full_size = 0;        ///< of the target
    std::optional<Sha256Digest> delta;  ///< blob of the delta
    std::uint64_t delta_size = 0;
    std::int64_t build_ms = 0;
    std::int64_t attempts = 0;
    std::string error;               ///< of the last attempt
    std::vector<DeltaShare> shares;  ///< of a built delta
    std::string lease_owner;
    WallTime lease_until;
    WallTime created;
};

struct DeltaBuilt {
    Sha256Digest delta;
    std::uint64_t delta_size = 0;
    std::int64_t build_ms = 0;
    std::vector<DeltaShare> shares = {};
};

struct DeltaCounts {
    std::int64_t queued = 0;
    std::int64_t running = 0;
    std::int64_t built = 0;
    std::int64_t not_worth = 0;
    std::int64_t failed = 0;
};

}  // namespace strandline::registry
