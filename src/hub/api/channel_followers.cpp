#include "hub/api/channel_followers.h"

#include "base/log.h"

namespace strandline::hub {

Result<fleet::DeployedMany> lead_followers(Services& services, std::string_view package,
                                           std::string_view channel, std::string_view by) {
    TRY(auto led, services.domain.fleet.on_channel_moved(package, channel, by));
    if (!led.deployments.empty()) {
        services.signals.desired_changed();
        services.signals.deltas_wanted();
    }
    return led;
}

Status lead_left_behind(Services& services) {
    TRY(const auto channels, services.domain.deployments.channels_left());
    for (const auto& [package, channel] : channels) {
        const auto led = lead_followers(services, package, channel, "hub");
        if (!led) {
            log_error("followers of a channel stay behind package={} channel={}: {}", package,
                      channel, led.error().message);
            continue;
        }
        log_info("followers of a channel had stayed behind package={} channel={} deployments={}",
                 package, channel, led->deployments.size());
    }
    return {};
}

}  // namespace strandline::hub
