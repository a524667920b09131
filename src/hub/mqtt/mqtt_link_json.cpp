#include "base/json.h"
#include "hub/mqtt/mqtt_link.h"

namespace strandline::hub {

std::string announcement(const HubConfig::Mqtt& config) {
    return write_json(boost::json::object{{"spread_ms", config.spread.count()},
                                          {"reconnect_window_ms", config.reconnect_window.count()},
                                          {"poll_interval_ms", config.poll_interval.count()}});
}

}  // namespace strandline::hub
