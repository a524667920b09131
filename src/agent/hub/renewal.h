#pragma once

#include "agent/device_state.h"
#include "agent/hub/hub_client.h"
#include "agent/tasks.h"

namespace strandline::agent {

/// When a certificate is to be renewed: at two thirds of its life.
[[nodiscard]] WallTime renewal_time(WallTime not_before, WallTime not_after);

struct RenewalOptions {
    std::filesystem::path identity;  ///< folder
    std::function<void()> renewed;   ///< for what holds the old files open
};

/// Keeps our certificate valid until the agent ends. The key stays.
[[nodiscard]] boost::asio::awaitable<void> keep_certificate(Tasks& tasks, net::Signal& wake,
                                                            HubClient& hub, DeviceState& device,
                                                            RenewalOptions options);

}  // namespace strandline::agent
