#include "hub/hub.h"

#include <atomic>
#include <fmt/core.h>
#include <functional>
#include <utility>

#include "base/ids.h"
#include "base/log.h"
#include "hub/api/channel_followers.h"
#include "hub/api/proven_identities.h"
#include "hub/broker/gatekeeper.h"
#include "hub/hub_parts.h"
#include "hub/jobs/delta_metrics.h"
#include "hub/jobs/delta_news.h"
#include "hub/jobs/fallen_boots.h"
#include "hub/legacy/legacy_api.h"
#include "hub/transfer/open_blobs.h"
#include "net/service_notify.h"

namespace strandline::hub {
namespace {

net::Runtime::Options runtime_options(const HubConfig& config) {
    // Two: a large file being hashed does not hold up the next one.
    return {.worker_threads = config.http.worker_threads,
            .max_queued_work = config.http.max_queued_work,
            .lengthy_threads = 2};
}

std::string url_of(std::string_view scheme, const std::string& host, std::uint16_t port) {
    const bool v6 = host.find(':') != std::string::npos;
    return fmt::format("{}://{}{}{}:{}", scheme, v6 ? "[" : "", host, v6 ? "]" : "", port);
}

}  // namespace

// Destroyed from the bottom up: whatever runs on the event loop or its workers goes before what it
// uses.
struct Hub::Impl {
    explicit Impl(HubConfig settings) : config(std::move(settings)) {}

    Status open();
    Status open_services();
    Status connect();
    Status serve();
    Status serve_legacy();
    Status make_first_token();
    // The state folder's lock keeps its database for this process alone.
    [[nodiscard]] bool database_is_ours() const { return config.database.url.empty(); }
    Result<net::ServerOptions> server_options();
    void wire_signals();
    void watch_the_gate();
    void watch_certificates();
    Status load_certificates();
    Status renew_certificates();
    Status maintenance_round();
    boost::asio::awaitable<void> shut_down();

    const HubConfig config;
    const Clock& clock = system_clock();
    std::unique_ptr<Storage> storage;
    Metrics metrics;
    DeltaMetrics delta_metrics{metrics};
    FallenBoots fallen_boots{metrics, clock};
    std::unique_ptr<TlsFiles> tls;
    std::unique_ptr<Revocations> revocations;
    std::unique_ptr<Broker> broker;
    std::unique_ptr<Renewal> renewal;
    std::unique_ptr<ProvenIdentities> proven;
    std::unique_ptr<Authenticator> authenticator;
    std::unique_ptr<registry::DeltaBuilder> delta_builder;
    std::unique_ptr<Services> services;
    std::unique_ptr<net::Runtime> runtime;
    std::unique_ptr<EventFeed> feed;
    std::unique_ptr<DeltaNews> delta_news;
    std::unique_ptr<net::Signal> maintenance_stop;
    std::unique_ptr<Gatekeeper> gatekeeper;
    std::unique_ptr<MqttLink> link;
    std::unique_ptr<DeltaPool> deltas;
    std::unique_ptr<net::HttpServer> server;
    std::unique_ptr<LegacyUploads> legacy_uploads;
    std::unique_ptr<net::HttpServer> legacy_server;
    std::string first_token;
    std::atomic<bool> stopping{false};
};

Status Hub::Impl::open() {
    TRY(storage, open_storage(config, clock));
    TRY(make_first_token());
    tls = std::make_unique<TlsFiles>(storage->state.tls());
    TRY(refresh_tls(*tls, *storage->authority, certificate_names(config), clock));
    revocations = std::make_unique<Revocations>(storage->domain->devices, *storage->authority,
                                                tls->crl, clock);
    TRY(revocations->refresh());
    TRY(broker, start_broker(config, storage->state, *tls));
    watch_certificates();
    TRY(open_services());
    TRY(lead_left_behind(*services));
    TRY(connect());
    TRY(serve());
    if (config.legacy.enabled) TRY(serve_legacy());
    return storage->state.publish(services->addresses);
}

Status Hub::Impl::make_first_token() {
    TRY(const auto count, storage->domain->operator_tokens.count());
    if (count > 0) return {};
    fleet::OperatorTokenRequest request;
    request.name = "admin";
    request.role = fleet::Role::admin;
    TRY(const auto made,
        storage->domain->operator_tokens.create(request, storage->authority->certificate_sha256()));
    first_token = made.text;
    return {};
}

Status Hub::Impl::open_services() {
    runtime = std::make_unique<net::Runtime>(runtime_options(config));
    feed = std::make_unique<EventFeed>(*runtime, storage->domain->events);
    delta_news = std::make_unique<DeltaNews>(*runtime);
    maintenance_stop = std::make_unique<net::Signal>(runtime->executor());
    storage->domain->fleet.on_boot_fell_back = [this](const std::string& device) {
        fallen_boots.dropped(device);
    };
    if (database_is_ours()) proven = std::make_unique<ProvenIdentities>(*storage->database, clock);
    authenticator = std::make_unique<Authenticator>(storage->domain->operator_tokens,
                                                    storage->domain->devices, proven.get());
    const TransferLimits limits{.bytes_per_second = config.transfers.bytes_per_second,
                                .max_concurrent = config.transfers.max_concurrent};
    auto uploads =
        std::make_shared<UploadFiles>(storage->state.root() / "uploads", storage->domain->uploads,
                                      *storage->blobs, config.uploads.expiry);
    services = std::make_unique<Services>(
        Services{.config = config,
                 .clock = clock,
                 .runtime = *runtime,
                 .blobs = *storage->blobs,
                 .domain = *storage->domain,
                 .authority = *storage->authority,
                 .metrics = metrics,
                 .feed = *feed,
                 .delta_news = *delta_news,
                 .gate = std::make_shared<TransferGate>(*runtime, limits, clock, metrics),
                 .keyset_envelope = storage->keys.keyset_envelope,
                 .uploads = std::move(uploads),
                 .open_blobs = std::make_shared<OpenBlobs>(*storage->blobs),
                 .started = clock.steady()});
    return {};
}

Status Hub::Impl::connect() {
    const MqttLinkParts parts{
        .runtime = *runtime, .domain = *storage->domain, .metrics = metrics, .config = config};
    TRY(link, MqttLink::create(parts, mqtt_options(config, *tls, broker.get())));
    watch_the_gate();
    registry::DeltaBuilderOptions options;
    options.max_decoder_memory = config.deltas.max_decoder_memory_bytes;
    options.threads = config.deltas.threads;
    delta_builder = registry::make_delta_builder(options);
    const auto owner = make_id("hub");
    if (database_is_ours()) {
        TRY(storage->domain->delta_jobs.end_leases());
        TRY(registry::DeltaWorker::remove_leftovers(*storage->blobs));
    }
    deltas = std::make_unique<DeltaPool>(config.deltas.workers, [this, &owner](std::size_t index) {
        registry::DeltaWorkerOptions worker;
        worker.owner = fmt::format("{}-{}", owner, index);
        worker.lease = config.deltas.lease;
        registry::DeltaWorker made(storage->domain->delta_jobs, *storage->blobs, *delta_builder,
                                   clock, std::move(worker));
        made.set_events(storage->domain->events.sink());
        made.set_finished([this](const registry::DeltaJob& job) {
            delta_metrics.finished(job);
            delta_news->finished(job);
        });
        return made;
    });
    link->on_deltas_wanted = [this] { deltas->wake(); };
    wire_signals();
    return {};
}

void Hub::Impl::watch_the_gate() {
    auto order = [this] {
        const auto client = mqtt_options(config, *tls, broker.get());
        SessionCut made;
        made.host = client.host;
        made.port = client.port;
        made.ca_file = client.ca_file;
        made.folder = storage->state.tls();
        return made;
    };
    auto spread = [this] { return renewal->spread_revocations(); };
    MuteList::Spans spans;
    spans.first = config.mqtt.mute;
    gatekeeper = std::make_unique<Gatekeeper>(Gatekeeper::Parts{.runtime = *runtime,
                                                                .authority = *storage->authority,
                                                                .events = storage->domain->events,
                                                                .metrics = metrics,
                                                                .clock = clock,
                                                                .broker = broker.get(),
                                                                .spans = spans,
                                                                .spread_revocations = spread,
                                                                .cut = order});
    gatekeeper->on_muted = [this] { link->reconnect(); };
    link->on_flood = [this](const std::string& device) { gatekeeper->flooded(device); };
}

void Hub::Impl::wire_signals() {
    auto& signals = services->signals;
    signals.desired_changed = [this] { link->desired_changed(); };
    signals.deltas_wanted = [this] { deltas->wake(); };
    signals.device_revoked = [this](const std::string& device) {
        link->desired_changed();
        gatekeeper->revoked(device);
    };
    signals.mqtt_connected = [this] { return link->connected(); };
    signals.send_command = [this](const std::string& device, const std::string& name) {
        link->command(device, name);
    };
    signals.not_ready = [this]() -> std::string {
        if (stopping) return "stopping";
        if (broker && !broker->running()) return "the broker is not running";
        return link->connected() ? "" : "no connection to the broker";
    };
}

Result<net::ServerOptions> Hub::Impl::server_options() {
    net::ServerOptions options;
    options.address = config.http.address;
    options.port = config.http.port;
    TRY(options.tls, server_tls(*tls, *revocations));
    options.max_connections = config.http.max_connections;
    options.max_connections_per_address = config.http.effective_connections_per_address();
    options.observe = request_observer(metrics);
    return options;
}

Status Hub::Impl::serve() {
    auto& addresses = services->addresses;
    addresses.mqtt_host = config.effective_mqtt_host();
    addresses.mqtt_port = broker ? broker->port() : config.mqtt.port;
    TRY(auto options, server_options());
    TRY(server, net::HttpServer::create(*runtime, make_router(*services, *authenticator),
                                        std::move(options)));
    addresses.url = url_of("https", config.effective_public_host(), server->port());
    return {};
}

Status Hub::Impl::serve_legacy() {
    auto& addresses = services->addresses;
    legacy_uploads =
        std::make_unique<LegacyUploads>(*services, [this](const registry::LegacyFile& file) {
            link->publish("pushnotification",
                          push_notification(file, services->addresses.legacy_url, clock.wall()));
        });
    net::ServerOptions options;
    options.address = config.legacy.address;
    options.observe = request_observer(metrics);
    options.port = config.legacy.port;
    TRY(legacy_server,
        net::HttpServer::create(*runtime, make_legacy_router(*services, *legacy_uploads),
                                std::move(options)));
    const auto& origin = config.legacy.public_url;
    addresses.legacy_url =
        origin.empty() ? url_of("http", config.legacy.address, legacy_server->port()) : origin;
    addresses.legacy_mqtt_port = broker ? broker->plain_port() : config.legacy.mqtt_port;
    return {};
}

void Hub::Impl::watch_certificates() {
    auto make = [this] {
        return refresh_tls(*tls, *storage->authority, certificate_names(config), clock);
    };
    Renewal::Parts parts{.files = *tls,
                         .revocations = *revocations,
                         .make_certificates = make,
                         .load_server = [this] { return load_certificates(); },
                         .load_broker = {}};
    if (broker)
        parts.load_broker = [this] {
            return broker->reload(Deadline::after(broker_reload_deadline));
        };
    renewal = std::make_unique<Renewal>(std::move(parts));
}

// Of the server and of our own MQTT client.
Status Hub::Impl::load_certificates() {
    TRY(auto fresh, server_tls(*tls, *revocations));
    runtime->post([this, fresh = std::move(fresh)]() mutable {
        const auto replaced = server->replace_tls(std::move(fresh));
        if (!replaced) {
            log_error("new server certificate: {}", replaced.error().message);
            renewal->server_failed();
        }
        link->reconnect();
    });
    return {};
}

// Worker thread.
Status Hub::Impl::renew_certificates() {
    const auto renewed = renewal->round();
    const auto settled = gatekeeper->settle();
    return renewed ? settled : renewed;
}

Status Hub::Impl::maintenance_round() {
    // A full disk keeps new certificates from being written, and only cleaning up frees it.
    const auto renewed = renew_certificates();
    if (!renewed) log_warn("certificates not renewed: {}", renewed.error().message);
    TRY(const auto round, clean_up(*services));
    log_debug("maintenance blobs_removed={} bytes={} uploads={} events={} jobs={} silent={}",
              round.blobs_removed, round.bytes_removed, round.uploads_removed, round.events_removed,
              round.jobs_removed, round.devices_silent);
    return {};
}

boost::asio::awaitable<void> Hub::Impl::shut_down() {
    log_info("stopping requests={}", server->connections());
    net::notify_service("STOPPING=1");
    const auto deadline = Deadline::after(config.http.drain);
    feed->stop();
    maintenance_stop->notify();
    deltas->ask_to_stop();
    if (legacy_server) co_await legacy_server->stop(deadline);
    co_await server->stop(deadline);
    co_await link->stop(deadline);
    runtime->stop();
}

Hub::Hub(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Hub::~Hub() = default;

Result<std::unique_ptr<Hub>> Hub::create(HubConfig config) {
    auto impl = std::make_unique<Impl>(std::move(config));
    TRY(impl->open());
    return std::unique_ptr<Hub>(new Hub(std::move(impl)));
}

const RuntimeInfo& Hub::addresses() const { return impl_->services->addresses; }
const std::string& Hub::first_token() const { return impl_->first_token; }
const std::string& Hub::ca_certificate() const {
    return impl_->storage->authority->certificate_pem();
}

Status Hub::run() {
    auto& impl = *impl_;
    impl.runtime->spawn(run_maintenance(*impl.runtime, *impl.maintenance_stop,
                                        impl.config.retention.interval,
                                        [&impl] { return impl.maintenance_round(); }));
    impl.runtime->post([&impl] { impl.link->start(); });
    impl.runtime->spawn(net::keep_watchdog());
    impl.runtime->post([] { net::notify_service("READY=1"); });
    impl.runtime->run();
    impl.deltas->stop();
    impl.runtime->stop_workers();
    if (impl.broker) impl.broker->stop();
    impl.storage->state.withdraw();
    log_info("stopped");
    return {};
}

void Hub::stop() {
    if (impl_->stopping.exchange(true)) return;
    impl_->runtime->spawn(impl_->shut_down());
}

void Hub::handle_signals(std::function<void()> reload) {
    auto& impl = *impl_;
    impl.runtime->on_signals([this] { stop(); },
                             [&impl, reload = std::move(reload)] {
                                 reload();
                                 const auto queued = impl.runtime->workers().submit([&impl] {
                                     const auto renewed = impl.renew_certificates();
                                     if (!renewed) log_error("reload: {}", renewed.error().message);
                                 });
                                 if (!queued) log_warn("reload: {}", queued.error().message);
                             });
}

}  // namespace strandline::hub
