#include <string_view>

#include "net/mqtt_client.h"

namespace strandline::net {
namespace {

/// Takes the part up to the next `/` off the front; `more` tells whether there was one.
std::string_view take_level(std::string_view& rest, bool& more) {
    const auto slash = rest.find('/');
    const auto level = rest.substr(0, slash);
    more = slash != std::string_view::npos;
    rest = more ? rest.substr(slash + 1) : std::string_view{};
    return level;
}

}  // namespace

bool topic_matches(std::string_view filter, std::string_view topic) {
    if (filter.empty() || topic.empty()) return false;
    // 4.7.2: wildcards at the front do not match topics that belong to the server.
    const bool starts_wild = filter.front() == '#' || filter.front() == '+';
    if (topic.front() == '$' && starts_wild) return false;
    bool more_filter = true;
    bool more_topic = true;
    while (more_filter) {
        const auto wanted = take_level(filter, more_filter);
        // 4.7.1.2: `#` also stands for its parent level, so an exhausted topic matches it.
        if (wanted == "#") return !more_filter;
        if (!more_topic) return false;
        const auto level = take_level(topic, more_topic);
        if (wanted != "+" && wanted != level) return false;
    }
    return !more_topic;
}

}  // namespace strandline::net
