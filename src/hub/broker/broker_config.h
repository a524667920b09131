#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"
#include "hub/broker/broker.h"

namespace strandline::hub {

/// The ports a broker listens on; 0 for a listener that does not exist.
struct BrokerPorts {
    std::uint16_t tls = 0;
    std::uint16_t plain = 0;
};

/// Refuses what would break a line of a configuration file, and files that are missing.
[[nodiscard]] Status check_broker_options(const BrokerOptions& options);

/// Text of mosquitto.conf (mosquitto.conf(5), version 2.0).
[[nodiscard]] std::string broker_config(const BrokerOptions& options, const BrokerPorts& ports);
/// Text to include in the mosquitto.conf of a broker that somebody else runs: one listener for
/// Strandline, with settings of its own.
[[nodiscard]] std::string external_broker_config(const BrokerOptions& options);
/// Text of the access rules: a device reads its `down`, writes its `up` and reads broadcasts.
[[nodiscard]] std::string broker_acl(const BrokerOptions& options);

/// Our level for a line of mosquitto's log, which carries none itself.
[[nodiscard]] LogLevel broker_log_level(std::string_view line);

/// A port that was free a moment ago.
[[nodiscard]] Result<std::uint16_t> pick_free_port(const std::string& address);

}  // namespace strandline::hub
