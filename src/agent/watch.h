#pragma once

#include <cstdint>
#include <deque>

#include "agent/slot.h"
#include "agent/tasks.h"
#include "agent/update_context.h"

// What happens to a release after its soak: looks at what runs and at what lies on disk.
namespace strandline::agent {

/// How often a slot's release had to be started again. Plain data of the I/O thread.
struct RestartCount {
    std::optional<Sha256Digest> release;  ///< that all of this is about
    std::deque<SteadyTime> recent;        ///< within the last hour
    std::uint64_t start = 0;              ///< of the slot: its `starts`
    std::uint64_t of_process = 0;         ///< ends of that start already counted
};

/// Counts how often the slot's program ended since the last call. Too often within an hour: it is
/// reported, and given up when there is a previous release; else it goes on being started again.
/// True when the slot's journal has changed.
[[nodiscard]] bool count_restarts(UpdateServices& services, Slot& slot, RestartCount& count,
                                  const OrderId* wanted);

/// Asks what serves for its golden answers. Wrong answers: it is loaded anew; wrong again, or anew
/// too often within an hour: the release is given up, and
/// the roll-back of the state machine takes the slot to its previous one, whatever is `wanted` by
/// now (null: nothing is). `hands` is the slot's. True when the slot's journal has changed.
[[nodiscard]] boost::asio::awaitable<bool> probe_release(UpdateServices& services, Turn& hands,
                                                         Slot& slot, RestartCount& count,
                                                         const OrderId* wanted);

/// Hashes the active and the previous release. A damaged previous one is dropped, since nothing may
/// be returned to it; a damaged active one goes on serving from memory and is ordered anew. Both
/// are reported as `corrupt`. True when the slot's journal has changed.
[[nodiscard]] boost::asio::awaitable<bool> verify_releases(UpdateServices& services, Turn& turn,
                                                           Slot& slot);

}  // namespace strandline::agent
