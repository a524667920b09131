#include "hub/mqtt/mqtt_topics.h"

namespace strandline::hub {

std::optional<MqttTopics::Upward> MqttTopics::parse(std::string_view topic) const {
    const auto prefix = root_ + "/d/";
    constexpr std::string_view middle = "/up/";
    if (!topic.starts_with(prefix)) return std::nullopt;
    topic.remove_prefix(prefix.size());
    const auto slash = topic.find('/');
    if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
    const auto rest = topic.substr(slash);
    if (!rest.starts_with(middle) || rest.size() == middle.size()) return std::nullopt;
    return Upward{.device = std::string(topic.substr(0, slash)),
                  .name = std::string(rest.substr(middle.size()))};
}

}  // namespace strandline::hub
