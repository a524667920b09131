#include "net/mqtt_properties.h"

#include <array>
#include <cstdlib>
#include <limits>
#include <mosquitto.h>
#include <mqtt_protocol.h>

namespace strandline::net {
namespace {

Status check(int code, std::string_view what) {
    if (code == MOSQ_ERR_SUCCESS) return {};
    return fail(Errc::invalid, std::string(what) + ": " + mosquitto_strerror(code));
}

struct FreeText {
    void operator()(void* text) const { std::free(text); }  // allocated by libmosquitto
};
using OwnedText = std::unique_ptr<char, FreeText>;

std::string read_text(const mosquitto_property* list, int identifier) {
    char* text = nullptr;
    mosquitto_property_read_string(list, identifier, &text, false);
    const OwnedText owned(text);
    return text != nullptr ? std::string(text) : std::string();
}

}  // namespace

MqttProperties::~MqttProperties() { mosquitto_property_free_all(&list_); }

Status MqttProperties::add_u32(int identifier, std::uint32_t value) {
    return check(mosquitto_property_add_int32(&list_, identifier, value), "MQTT property");
}

Status MqttProperties::add_text(int identifier, const std::string& value) {
    return check(mosquitto_property_add_string(&list_, identifier, value.c_str()), "MQTT property");
}

Status MqttProperties::add_binary(int identifier, std::string_view value) {
    if (value.size() > std::numeric_limits<std::uint16_t>::max()) {
        return fail(Errc::invalid, "MQTT property: longer than 65535 bytes");
    }
    return check(mosquitto_property_add_binary(&list_, identifier, value.data(),
                                               static_cast<std::uint16_t>(value.size())),
                 "MQTT property");
}

Status MqttProperties::add_pair(const std::pair<std::string, std::string>& pair) {
    return check(mosquitto_property_add_string_pair(&list_, MQTT_PROP_USER_PROPERTY,
                                                    pair.first.c_str(), pair.second.c_str()),
                 "MQTT user property");
}

Status MqttProperties::add_message(const MqttMessage& message) {
    if (message.expiry) {
        const auto seconds = message.expiry->count();
        if (seconds < 0 || seconds > std::numeric_limits<std::uint32_t>::max()) {
            return fail(Errc::invalid, "message expiry: must be 0 to 2^32-1 seconds");
        }
        TRY(add_u32(MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, static_cast<std::uint32_t>(seconds)));
    }
    if (!message.content_type.empty()) {
        TRY(add_text(MQTT_PROP_CONTENT_TYPE, message.content_type));
    }
    if (!message.response_topic.empty()) {
        TRY(add_text(MQTT_PROP_RESPONSE_TOPIC, message.response_topic));
    }
    if (!message.correlation_data.empty()) {
        TRY(add_binary(MQTT_PROP_CORRELATION_DATA, message.correlation_data));
    }
    for (const auto& pair : message.user_properties) TRY(add_pair(pair));
    return {};
}

void read_properties(const mosquitto_property* list, MqttMessage& message) {
    std::uint32_t expiry = 0;
    if (mosquitto_property_read_int32(list, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &expiry, false) !=
        nullptr) {
        message.expiry = std::chrono::seconds{expiry};
    }
    message.content_type = read_text(list, MQTT_PROP_CONTENT_TYPE);
    message.response_topic = read_text(list, MQTT_PROP_RESPONSE_TOPIC);
    void* data = nullptr;
    std::uint16_t size = 0;
    mosquitto_property_read_binary(list, MQTT_PROP_CORRELATION_DATA, &data, &size, false);
    const OwnedText owned(static_cast<char*>(data));
    if (data != nullptr) message.correlation_data.assign(owned.get(), size);

    const mosquitto_property* at = list;
    bool skip_first = false;
    for (;;) {
        char* name = nullptr;
        char* value = nullptr;
        at = mosquitto_property_read_string_pair(at, MQTT_PROP_USER_PROPERTY, &name, &value,
                                                 skip_first);
        const OwnedText owned_name(name);
        const OwnedText owned_value(value);
        if (at == nullptr || name == nullptr || value == nullptr) return;
        message.user_properties.emplace_back(name, value);
        skip_first = true;
    }
}

}  // namespace strandline::net
