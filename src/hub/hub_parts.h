#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "hub/api/auth.h"
#include "hub/api/event_feed.h"
#include "hub/broker/broker.h"
#include "hub/domain.h"
#include "hub/hub_config.h"
#include "hub/jobs/delta_pool.h"
#include "hub/jobs/maintenance.h"
#include "hub/mqtt/mqtt_link.h"
#include "hub/services.h"
#include "hub/state/hub_keys.h"
#include "hub/state/renewal.h"
#include "hub/state/revocations.h"
#include "hub/state/state_folder.h"
#include "hub/state/tls_material.h"
#include "net/http_server.h"
#include "net/runtime.h"
#include "registry/delta_builder.h"
#include "store/blob/blob_store.h"
#include "store/sql/database.h"
#include "trust/authority.h"

namespace strandline::hub {

/// What outlasts the event loop: files, keys and the database. Shared by the hub and the commands
/// that work on its folder while it is stopped.
struct Storage {
    StateFolder state;
    HubKeys keys;
    std::unique_ptr<trust::CertificateAuthority> authority;
    std::unique_ptr<store::Database> database;
    std::unique_ptr<store::BlobStore> blobs;
    std::unique_ptr<Domain> domain;
};

/// `clock` must outlive it.
[[nodiscard]] Result<std::unique_ptr<Storage>> open_storage(const HubConfig& config,
                                                            const Clock& clock);

/// Names for the server certificate, the public one first.
[[nodiscard]] std::vector<std::string> certificate_names(const HubConfig& config);

/// What every broker of this hub needs, ours or somebody else's; all but its folder and address.
[[nodiscard]] BrokerOptions broker_options(const HubConfig& config, const TlsFiles& tls);
/// Starts the embedded broker; none with an external one.
[[nodiscard]] Result<std::unique_ptr<Broker>> start_broker(const HubConfig& config,
                                                           const StateFolder& state,
                                                           const TlsFiles& tls);

/// The hub's own MQTT client.
[[nodiscard]] net::MqttOptions mqtt_options(const HubConfig& config, const TlsFiles& tls,
                                            const Broker* broker);

/// The API's router with every route of api/openapi.yaml. `services` must outlive it.
[[nodiscard]] net::Router make_router(Services& services, const Authenticator& authenticator);

[[nodiscard]] Result<net::ServerTls> server_tls(const TlsFiles& tls,
                                                const Revocations& revocations);

/// Counts finished requests.
[[nodiscard]] std::function<void(const net::Request&, int, std::uint64_t, std::chrono::nanoseconds)>
request_observer(Metrics& metrics);

}  // namespace strandline::hub
