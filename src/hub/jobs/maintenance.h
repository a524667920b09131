#pragma once

#include <functional>

#include "hub/services.h"

namespace strandline::hub {

/// What a round found and did.
struct MaintenanceRound {
    std::uint64_t blobs_removed = 0;
    std::uint64_t bytes_removed = 0;
    std::size_t uploads_removed = 0;
    std::int64_t events_removed = 0;
    std::int64_t jobs_removed = 0;
    std::size_t devices_silent = 0;
};

/// Forgets what nobody needs: unreferenced blobs past their grace time, expired uploads, old
/// events, delta jobs of deleted releases, the presence of devices that fell silent. Each part is
/// tried even when another fails; the first failure is returned. Worker thread.
[[nodiscard]] Result<MaintenanceRound> clean_up(Services& services);

/// Runs `round` on a worker every `interval` until `stopping` says so.
[[nodiscard]] boost::asio::awaitable<void> run_maintenance(net::Runtime& runtime, net::Signal& stop,
                                                           std::chrono::seconds interval,
                                                           std::function<Status()> round);

}  // namespace strandline::hub
