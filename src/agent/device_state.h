#pragma once

#include <optional>
#include <string_view>

#include "agent/disk/state_folder.h"
#include "base/clock.h"
#include "base/result.h"

namespace strandline::agent {

/// device.json in memory: generation, boot and the floor under the wall clock. Every change
/// is on disk before it counts. One thread at a time.
class DeviceState {
public:
    /// Loads and gives this start its boot: the time in milliseconds, or one more than the last. A
    /// disk that cannot be written is logged and does not stop the agent from serving.
    [[nodiscard]] static Result<DeviceState> open(const StateFolder& folder, const Clock& clock);

    [[nodiscard]] const DeviceRecord& record() const { return record_; }
    /// Refuses an older generation, and other content under the same one, as `conflict`.
    [[nodiscard]] Status check_generation(std::int64_t generation,
                                          const Sha256Digest& payload) const;
    [[nodiscard]] Status accept_generation(std::int64_t generation, const Sha256Digest& payload);

    /// The wall clock; while that is behind the floor, the floor and the time since it was loaded
    /// or raised: a lower bound of the real time, right enough for validity dates at 1970.
    [[nodiscard]] WallTime now() const;
    /// True when the machine's clock is behind what was already seen.
    [[nodiscard]] bool clock_is_behind() const;
    /// Raises the floor to a time that a trusted signature vouches for; while the clock is not
    /// behind, no further than a day ahead of it.
    [[nodiscard]] Status raise_floor(WallTime seen);
    /// While the clock is behind, writes down about once a day how far the floor has run on, so
    /// that a restart does not set it back. Call it now and then.
    [[nodiscard]] Status keep_floor();

private:
    DeviceState(StateFolder folder, const Clock& clock)
        : folder_(std::move(folder)), clock_(&clock), floor_set_(clock.steady()) {}
    [[nodiscard]] WallTime running_floor() const;
    [[nodiscard]] Status set_floor(WallTime to);

    StateFolder folder_;
    const Clock* clock_;
    DeviceRecord record_;
    SteadyTime floor_set_;  ///< when the floor was loaded or raised
};

}  // namespace strandline::agent
