#pragma once

#include "net/mqtt_client.h"
#include "net/tls_context.h"

// Internal to net.
namespace strandline::net {

/// Reads the files that `options` names, anew for each connection, since they are replaced when a
/// certificate is renewed. Blocks. `invalid` names the file that cannot be used.
[[nodiscard]] Result<SslContext> load_mqtt_tls(const MqttOptions& options);

}  // namespace strandline::net
