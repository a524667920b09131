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

Result<RuntimeInfo> read_runtime_info(const std::filesystem::path& root) {
    constexpr std::size_t max_bytes = 4096;
    constexpr std::int64_t max_port = 65'535;
    TRY(const auto text, read_text_file(root / "hub.json", max_bytes));
    TRY(const auto json, parse_json(text, "hub.json"));
    JsonReader in(json, "hub.json");
    RuntimeInfo info;
    info.url = in.text("url");
    info.mqtt_host = in.text("mqtt_host");
    info.mqtt_port = static_cast<std::uint16_t>(in.integer("mqtt_port", 0, max_port));
    TRY(in.finish_lenient());
    return info;
}

}  // namespace strandline::hub
