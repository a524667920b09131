#include "agent/agent_parts.h"

#include <algorithm>
#include <sys/statvfs.h>
#include <utility>

#include "agent/agent_metrics.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/version.h"
#include "gateway/oip_routes.h"

namespace strandline::agent {
namespace {

/// True on a file system that is mounted read-only: nobody else can write there either.
bool is_read_only(const std::filesystem::path& path) {
    struct statvfs facts {};
    return ::statvfs(path.c_str(), &facts) == 0 && (facts.f_flag & ST_RDONLY) != 0;
}

net::ClientOptions client_options(const Identity& identity, const AgentConfig& config) {
    net::ClientOptions options;
    options.tls.ca_pem = identity.ca_pem;
    options.tls.certificate_pem = identity.certificate_pem;
    options.tls.private_key_pem = identity.private_key_pem;
    options.idle_timeout = config.transfer.idle_timeout;
    options.low_speed_bytes_per_second = config.transfer.low_speed_bytes_per_second;
    options.low_speed_window = config.transfer.low_speed_window;
    options.max_idle_connections = 2;
    options.user_agent = std::string("strandline-agent/") + std::string(program_version);
    return options;
}

}  // namespace

AgentParts::AgentParts(net::Runtime& runtime_in, AgentOptions options_in)
    : runtime(runtime_in),
      options(std::move(options_in)),
      state(options.state_folder),
      tasks(runtime),
      hub_news(runtime.executor()),
      renewal_wake(runtime.executor()) {
    tasks.watch(hub_news);
    tasks.watch(renewal_wake);
}

Status AgentParts::open_state() {
    if (!is_enrolled(state.identity())) return load_identity(state.identity()).error();
    const bool read_only = is_read_only(state.root());
    if (read_only) {
        log_error("state folder is read-only folder={} effect=\"serving only\"",
                  state.root().string());
    } else {
        TRY(state.prepare());
        TRY(auto taken, LockFile::acquire(state.lock_file()));
        lock.emplace(std::move(taken));
        TRY(state.adopt_format());
        const auto cleaned = state.remove_unfinished();
        if (!cleaned) log_warn("leftovers remain error=\"{}\"", cleaned.error().message);
    }
    TRY(identity, load_identity(state.identity()));
    TRY(auto opened, DeviceState::open(state, *options.clock));
    device = std::make_unique<DeviceState>(std::move(opened));
    if (device->clock_is_behind()) {
        log_warn("clock is behind now={} floor={}", to_rfc3339(options.clock->wall()),
                 to_rfc3339(device->now()));
    }
    TRY(blobs, store::BlobStore::open(state.root()));
    releases = std::make_unique<ReleaseStore>(state, *blobs);
    resources = std::make_unique<ResourceSampler>(state.root());
    scraped_resources = std::make_unique<ResourceSampler>(state.root());
    return {};
}

Status AgentParts::open_hub() {
    auto http = client_options(identity, options.config);
    http.tls.verify_time = [this] { return verify_time(); };
    TRY(hub, HubClient::create(runtime, identity.address.hub, std::move(http)));
    keys = std::make_unique<KeyKeeper>(identity.keys, state.identity(), *hub);
    desired = std::make_unique<DesiredKeeper>(state, identity.address.device, *keys, *device);
    desired->load();
    pace = std::make_unique<Pace>(options.config.transfer.max_bytes_per_second, *options.clock);
    budget = std::make_unique<ByteBudget>(state, options.config.transfer.max_bytes_per_day,
                                          [this] { return device->now(); });
    line = std::make_unique<DownloadLine>(DownloadLine{runtime, *hub, *pace, *budget});
    host = std::make_unique<ReleaseHost>(runtime, options.run_models ? &models : nullptr,
                                         options.config);
    UpdateServices services{.runtime = runtime,
                            .state = state,
                            .releases = *releases,
                            .hub = *hub,
                            .keys = *keys,
                            .host = *host,
                            .line = *line,
                            .config = options.config,
                            .self_test_program = options.self_test_program,
                            .clock = *options.clock,
                            .random = *options.random};
    services.changed = [this] { reporter->changed(); };
    updater =
        std::make_unique<Updater>(std::move(services), *desired, tasks, identity.address.device);
    Reporter::Channel channel;
    channel.build = [this] { return trust::to_json(build_report()); };
    channel.send = [this](std::string json) { return send_report(std::move(json)); };
    reporter = std::make_unique<Reporter>(runtime, tasks, options.config, std::move(channel));
    return {};
}

Status AgentParts::open_serving() {
    if (!options.run_models || !options.config.serve.enabled) return {};
    net::Router router;
    gateway::OipOptions oip;
    oip.server_name = "strandline-agent";
    oip.server_version = std::string(program_version);
    oip.max_pending = options.config.serve.max_pending;
    gateway::add_oip_routes(router, runtime, models, oip);
    router.add(net::Method::get, "/metrics", [this](net::Request&) { return tell_metrics(); });
    net::ServerOptions listen;
    listen.address = options.config.serve.address;
    listen.port = options.config.serve.port;
    auto bound = net::HttpServer::create(runtime, std::move(router), std::move(listen));
    if (!bound) return context("serve models", std::move(bound).error());
    server = std::move(*bound);
    return {};
}

Status AgentParts::open_broker() {
    if (!options.config.hub.mqtt || identity.address.mqtt_port == 0) return {};
    MqttLink::Handlers handlers;
    handlers.desired = [this](std::string payload) {
        desired_message = std::move(payload);
        hub_news.notify();
    };
    handlers.announced = [this](const Announcement& news) { announced = news; };
    handlers.command = [this](const std::string& name) {
        if (name == "report") reporter->changed();
        if (name == "keyset") refresh_keys = true;
        hub_news.notify();
    };
    handlers.connected = [this] {
        if (options.observer.broker) options.observer.broker(true);
        reporter->changed();
    };
    handlers.lost = [this] {
        if (options.observer.broker) options.observer.broker(false);
    };
    handlers.verify_time = [this] { return verify_time(); };
    MqttLink::Session session;
    session.boot = device->record().boot;
    session.timeout = options.config.hub.broker_timeout;
    session.retry_base = options.config.transfer.retry_base;
    // Desired states come by it at once, so it is not given up for as long as a download.
    session.retry_cap = std::min(session.retry_cap, options.config.transfer.retry_cap);
    TRY(mqtt, MqttLink::create(runtime, identity.address, state.identity(), session,
                               std::move(handlers)));
    return {};
}

std::optional<WallTime> AgentParts::verify_time() const {
    if (!device->clock_is_behind()) return std::nullopt;
    return device->now();
}

trust::Report AgentParts::describe(ResourceSampler& sampler) const {
    trust::Report report;
    report.device = identity.address.device;
    report.boot = device->record().boot;
    report.sequence = sequence;
    report.generation = desired->generation();
    report.agent_version = std::string(program_version);
    report.slots = updater->report();
    report.resources = sampler.sample();
    report.resources.engine = host->engine();
    return report;
}

net::Task<net::Response> AgentParts::tell_metrics() {
    const AgentFacts facts{.report = describe(*scraped_resources),
                           .models = models.list(),
                           .broker_connected = mqtt && mqtt->connected()};
    constexpr int ok = 200;
    co_return net::text_response(ok, metrics_text(facts), metrics_content_type);
}

trust::Report AgentParts::build_report() {
    ++sequence;
    auto report = describe(*resources);
    if (options.observer.reported) options.observer.reported(report);
    return report;
}

net::Task<void> AgentParts::send_report(std::string json) {
    if (mqtt && mqtt->connected()) {
        const auto sent = co_await mqtt->send_report(json);
        if (sent) co_return sent;
        log_debug("report goes over HTTP error=\"{}\"", sent.error().message);
    }
    co_return co_await hub->send_report(std::move(json));
}

}  // namespace strandline::agent
