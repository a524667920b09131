#pragma once

#include <optional>

#include "net/mqtt_client.h"
#include "net/tls_context.h"

// Internal to net.
namespace strandline::net {

/// The TLS context that libmosquitto uses instead of one of its own, which could judge certificates
/// by the machine's clock alone.
class MqttTls {
public:
    /// `invalid` names the file that cannot be used.
    [[nodiscard]] static Result<MqttTls> create(const MqttOptions& options);

    /// Between connections: reads the files again, since they are replaced when a certificate is
    /// renewed, and sets the time to judge the broker's certificate at.
    [[nodiscard]] Status renew(const MqttOptions& options, std::optional<WallTime> verify_time);

    [[nodiscard]] ssl_ctx_st* context() const { return context_.get(); }

private:
    explicit MqttTls(SslContext context) : context_(std::move(context)) {}

    SslContext context_;  ///< one for all connections: libmosquitto keeps its address
};

}  // namespace strandline::net
