#pragma once

#include "base/result.h"
#include "net/mqtt_client.h"

// NOLINTNEXTLINE(bugprone-reserved-identifier): the name is the library's
struct mqtt5__property;

namespace strandline::net {

/// Owns a property list of libmosquitto.
class MqttProperties {
public:
    MqttProperties() = default;
    ~MqttProperties();
    MqttProperties(const MqttProperties&) = delete;
    MqttProperties& operator=(const MqttProperties&) = delete;

    [[nodiscard]] Status add_u32(int identifier, std::uint32_t value);
    [[nodiscard]] Status add_text(int identifier, const std::string& value);
    [[nodiscard]] Status add_binary(int identifier, std::string_view value);
    [[nodiscard]] Status add_pair(const std::pair<std::string, std::string>& pair);
    /// What a message carries beside its payload (MQTT 5 section 3.3.2.3).
    [[nodiscard]] Status add_message(const MqttMessage& message);

    [[nodiscard]] const mqtt5__property* get() const { return list_; }
    /// Hands the list over to a function that takes ownership.
    [[nodiscard]] mqtt5__property* release() { return std::exchange(list_, nullptr); }

private:
    mqtt5__property* list_ = nullptr;
};

/// Copies the properties of a received message.
void read_properties(const mqtt5__property* list, MqttMessage& message);

}  // namespace strandline::net
