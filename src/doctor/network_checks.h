#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "doctor/report.h"
#include "net/http_client.h"
#include "net/mqtt_client.h"

// What concerns the hub and its broker as others reach them.
namespace strandline::doctor {

/// GET of a hub's path with a short deadline; blocks.
[[nodiscard]] Result<net::ClientResponse> ask(const net::ClientTls& tls, const std::string& url);

/// Reachable, its certificate good for its name, ready, and its clock beside ours. False when it
/// cannot be reached at all.
bool check_hub(Report& report, const std::string& url, const net::ClientTls& tls,
               const Clock& clock);

/// Whether a port of ours could be listened on now.
void check_port_free(Report& report, std::string_view check, const std::string& address,
                     std::uint16_t port);

struct BrokerProbe {
    std::string host;
    std::uint16_t port = 0;
    std::string ca_file;
    std::string topic_root;
    /// A client that the broker shall accept, but not on topics of others; without one only the
    /// refusal of strangers is tried.
    std::string certificate_file = {};
    std::string key_file = {};
    std::string name = {};  ///< CN of that certificate
};

/// Reachable with TLS, closed to clients without a certificate, and to a client for the topics of
/// another.
void check_broker(Report& report, const BrokerProbe& probe);

}  // namespace strandline::doctor
