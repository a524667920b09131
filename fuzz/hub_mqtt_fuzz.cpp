#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hub/mqtt/ingest.h"
#include "hub/mqtt/mqtt_topics.h"

// What a device may send over MQTT beside its reports. The topic stands before the first line end.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace hub = strandline::hub;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto line = std::min(text.find('\n'), text.size());
    const hub::MqttTopics topics("a/b");
    if (const auto upward = topics.parse(text.substr(0, line))) {
        STRANDLINE_ASSERT(!upward->device.empty() && !upward->name.empty());
        STRANDLINE_ASSERT(upward->device.find('/') == std::string::npos);
    }
    const auto presence = hub::presence_from_json(text.substr(std::min(line + 1, size)));
    STRANDLINE_ASSERT(!presence || presence->boot >= 0);
    return 0;
}
