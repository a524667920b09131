#include <limits>

#include "base/json.h"
#include "hub/mqtt/ingest.h"

namespace strandline::hub {

Result<Presence> presence_from_json(std::string_view json) {
    TRY(const auto value, parse_json(json, "state"));
    JsonReader in(value, "state");
    const auto state = in.text("state");
    Presence presence;
    presence.boot = in.integer("boot", 0, std::numeric_limits<std::int64_t>::max());
    presence.online = state == "online";
    if (!presence.online && state != "offline") in.reject("state", "must be online or offline");
    TRY(in.finish_lenient());
    return presence;
}

}  // namespace strandline::hub
