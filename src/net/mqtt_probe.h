#pragma once

#include <functional>

#include "net/mqtt_client.h"

namespace strandline::net {

/// What to do over a connection that a probe made.
using MqttUse = std::function<Task<void>(MqttClient&)>;

/// Connects once, calls `use` when there is one, and disconnects: whether a broker takes a client,
/// and what it lets it do. Its own error is why there was no connection.
[[nodiscard]] Task<void> probe_mqtt(Runtime& runtime, MqttOptions options, MqttUse use,
                                    Deadline deadline);

}  // namespace strandline::net
