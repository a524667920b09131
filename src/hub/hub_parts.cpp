#include "hub/hub_parts.h"

#include <map>
#include <utility>

#include "base/log.h"
#include "base/program_date.h"
#include "hub/api/blobs_api.h"
#include "hub/api/clusters_api.h"
#include "hub/api/deltas_api.h"
#include "hub/api/deployments_api.h"
#include "hub/api/device_api.h"
#include "hub/api/devices_api.h"
#include "hub/api/events_api.h"
#include "hub/api/packages_api.h"
#include "hub/api/releases_api.h"
#include "hub/api/system_api.h"
#include "hub/api/tokens_api.h"
#include "hub/api/uploads_api.h"
#include "hub/state/upgrade.h"
#include "trust/envelope.h"

namespace strandline::hub {
namespace {

constexpr std::size_t max_pem = std::size_t{256} << 10;

// `keys` lives in the Storage that also owns the domain which calls this.
Signers signers_of(const HubKeys& keys) {
    Signers signers;
    signers.manifest = [&keys](std::string payload) {
        return trust::sign_envelope(trust::manifest_type, std::move(payload), keys.manifest);
    };
    signers.desired = [&keys](std::string payload) {
        return trust::sign_envelope(trust::desired_type, std::move(payload), keys.desired);
    };
    return signers;
}

}  // namespace

Result<std::unique_ptr<Storage>> open_storage(const HubConfig& config, const Clock& clock) {
    if (clock.wall() < program_date) {
        // What it signed would be out of date for everybody whose clock is right.
        return fail(Errc::unavailable, "the clock says " + to_rfc3339(clock.wall()) +
                                           ", which is before this program was made; set the clock "
                                           "of this machine and start again");
    }
    TRY(auto state, StateFolder::open(config.state));
    TRY(prepare_upgrade(state.root(), config.effective_database_url()));
    TRY(auto keys, open_or_create_keys(state.keys()));
    auto storage = std::make_unique<Storage>(
        Storage{std::move(state), std::move(keys), nullptr, nullptr, nullptr, nullptr});
    TRY(storage->authority, trust::CertificateAuthority::open_or_create(
                                storage->state.keys() / "ca", "Strandline hub CA", clock));
    store::DatabaseOptions database;
    database.url = config.effective_database_url();
    database.sessions = config.database.sessions;
    TRY(storage->database, store::Database::open(std::move(database), store::hub_migrations()));
    TRY(storage->blobs, store::BlobStore::open(storage->state.blobs()));
    storage->domain = std::make_unique<Domain>(*storage->database, *storage->blobs, clock,
                                               signers_of(storage->keys));
    return storage;
}

std::vector<std::string> certificate_names(const HubConfig& config) {
    std::vector<std::string> names{config.effective_public_host()};
    const auto add = [&names](const std::string& name) {
        const bool any = name == "0.0.0.0" || name == "::";
        if (!any && std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(name);
    };
    add(config.effective_mqtt_host());
    for (const auto& name : config.http.names) add(name);
    add(config.http.address);
    add(config.mqtt.address);
    for (const auto* name : {"localhost", "127.0.0.1", "::1"}) add(name);
    return names;
}

BrokerOptions broker_options(const HubConfig& config, const TlsFiles& tls) {
    BrokerOptions options;
    options.port = config.mqtt.port;
    options.ca_file = tls.ca;
    options.certificate_file = tls.server_chain;
    options.key_file = tls.server_key;
    options.crl_file = tls.crl;
    options.topic_root = config.mqtt.root;
    options.hub_name = hub_client_name;
    return options;
}

Result<std::unique_ptr<Broker>> start_broker(const HubConfig& config, const StateFolder& state,
                                             const TlsFiles& tls) {
    if (config.mqtt.external) return std::unique_ptr<Broker>();
    auto options = broker_options(config, tls);
    options.folder = state.broker();
    options.address = config.mqtt.address;
    if (config.legacy.enabled) {
        PlainListener plain;
        plain.port = config.legacy.mqtt_port;
        plain.readable_topics = {"pushnotification"};
        options.plain_listener = std::move(plain);
    }
    auto broker = Broker::start(std::move(options));
    if (!broker) return context("broker", std::move(broker).error());
    return broker;
}

net::MqttOptions mqtt_options(const HubConfig& config, const TlsFiles& tls, const Broker* broker) {
    const auto& mqtt = config.mqtt;
    const auto or_own = [](const std::string& file, const std::filesystem::path& own) {
        return file.empty() ? own.string() : file;
    };
    net::MqttOptions options;
    options.host = broker == nullptr ? mqtt.host : mqtt.address;
    options.port = broker == nullptr ? mqtt.port : broker->port();
    if (options.host == "0.0.0.0" || options.host == "::") options.host = "127.0.0.1";
    options.client_id = hub_client_name;
    options.tls = broker != nullptr || mqtt.tls;
    options.ca_file = or_own(mqtt.ca_file, tls.ca);
    options.certificate_file = or_own(mqtt.certificate_file, tls.client_certificate);
    options.key_file = or_own(mqtt.key_file, tls.client_key);
    options.max_outbox = mqtt.max_outbox;
    return options;
}

net::Router make_router(Services& services, const Authenticator& authenticator) {
    net::Router router;
    Routes routes(router, services.runtime, authenticator, services.domain.audit);
    add_system_routes(routes, services);
    add_device_routes(routes, services);
    add_release_routes(routes, services);
    add_upload_routes(routes, services);
    add_blob_routes(routes, services);
    add_delta_routes(routes, services);
    add_package_routes(routes, services);
    add_device_admin_routes(routes, services);
    add_cluster_routes(routes, services);
    add_token_routes(routes, services);
    add_deployment_routes(routes, services);
    add_event_routes(routes, services);
    return router;
}

Result<net::ServerTls> server_tls(const TlsFiles& tls, const Revocations& revocations) {
    net::ServerTls out;
    TRY(out.certificate_chain_pem, read_text_file(tls.server_chain, max_pem));
    TRY(out.private_key_pem, read_text_file(tls.server_key, max_pem));
    TRY(out.client_ca_pem, read_text_file(tls.ca, max_pem));
    out.accept_client = [&revocations](const std::string& common_name, const std::string& serial) {
        if (!revocations.is_revoked(serial)) return true;
        log_warn("revoked certificate refused device={} serial={}", common_name, serial);
        return false;
    };
    return out;
}

std::function<void(const net::Request&, int, std::uint64_t, std::chrono::nanoseconds)>
request_observer(Metrics& metrics) {
    auto& times = metrics.histogram("strandline_http_request_duration_seconds",
                                    "From the end of a request's head to the end of its answer.");
    // Found once each: looking a counter up by its labels costs more than the rest of this.
    std::map<std::pair<net::Method, int>, Counter*> counters;
    return [&metrics, &times, counters = std::move(counters)](
               const net::Request& request, int status, std::uint64_t /*bytes*/,
               std::chrono::nanoseconds span) mutable {
        auto& counter = counters[{request.method, status}];
        if (counter == nullptr) {
            counter = &metrics.counter("strandline_http_requests_total", "Requests answered.",
                                       {{"method", std::string(net::to_string(request.method))},
                                        {"code", std::to_string(status)}});
        }
        counter->add();
        times.observe(span);
        log_debug("request method={} path={} status={} ms={}", net::to_string(request.method),
                  request.path, status,
                  std::chrono::duration_cast<std::chrono::milliseconds>(span).count());
    };
}

}  // namespace strandline::hub
