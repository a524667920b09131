#include <fmt/core.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>

#include "net/mqtt_handle.h"

namespace strandline::net {

Status status_from_reason(std::string_view what, int reason) {
    if (reason < MQTT_RC_UNSPECIFIED) return {};
    const auto text =
        fmt::format("{}: {} (reason {})", what, mosquitto_reason_string(reason), reason);
    switch (reason) {
        case MQTT_RC_NOT_AUTHORIZED:
        case MQTT_RC_BANNED:
            return fail(Errc::forbidden, text);
        case MQTT_RC_BAD_USERNAME_OR_PASSWORD:
        case MQTT_RC_BAD_AUTHENTICATION_METHOD:
            return fail(Errc::unauthenticated, text);
        case MQTT_RC_SESSION_TAKEN_OVER:
            return fail(Errc::conflict, text);
        case MQTT_RC_QUOTA_EXCEEDED:
        case MQTT_RC_MESSAGE_RATE_TOO_HIGH:
        case MQTT_RC_CONNECTION_RATE_EXCEEDED:
            return fail(Errc::exhausted, text);
        case MQTT_RC_TOPIC_NAME_INVALID:
        case MQTT_RC_TOPIC_FILTER_INVALID:
        case MQTT_RC_PACKET_TOO_LARGE:
        case MQTT_RC_PAYLOAD_FORMAT_INVALID:
            return fail(Errc::invalid, text);
        case MQTT_RC_KEEP_ALIVE_TIMEOUT:
            return fail(Errc::timeout, text);
        default:
            return fail(Errc::unavailable, text);
    }
}

}  // namespace strandline::net
