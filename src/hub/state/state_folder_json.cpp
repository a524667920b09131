#include <unistd.h>

#include "base/json.h"
#include "hub/state/state_folder.h"

namespace strandline::hub {

std::string to_json(const RuntimeInfo& info) {
    boost::json::object out{{"pid", static_cast<std::int64_t>(::getpid())},
                            {"url", info.url},
                            {"mqtt_host", info.mqtt_host},
                            {"mqtt_port", info.mqtt_port}};
    if (!info.legacy_url.empty()) {
        out["legacy_url"] = info.legacy_url;
        out["legacy_mqtt_port"] = info.legacy_mqtt_port;
    }
    return write_json(out) + "\n";
}

}  // namespace strandline::hub
