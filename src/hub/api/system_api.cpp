#include "hub/api/system_api.h"

#include "base/version.h"
#include "hub/api/api_json.h"

namespace strandline::hub {
namespace {

namespace json = boost::json;
using net::Request;
using net::Response;

constexpr int ok = 200;
constexpr int unavailable = 503;

Response alive() { return net::text_response(ok, "ok\n"); }

Result<Response> ready(Services& services) {
    const auto reason = services.signals.not_ready();
    if (!reason.empty()) return net::text_response(unavailable, reason + "\n");
    const auto counted = services.domain.operator_tokens.count();
    if (!counted)
        return net::text_response(unavailable, "database: " + counted.error().message + "\n");
    return net::text_response(ok, "ok\n");
}

Result<Response> status(Services& services) {
    auto& domain = services.domain;
    TRY(const auto devices, domain.devices.counts());
    TRY(const auto releases, domain.releases.count());
    TRY(const auto running, domain.deployments.count(fleet::DeploymentState::running));
    TRY(const auto deltas, domain.delta_jobs.counts());
    const auto uptime = std::chrono::duration_cast<std::chrono::milliseconds>(
        services.clock.steady() - services.started);
    const json::object out{{"version", program_version},
                           {"devices", json::object{{"total", devices.total},
                                                    {"online", devices.online},
                                                    {"revoked", devices.revoked}}},
                           {"releases", releases},
                           {"deployments", json::object{{"running", running}}},
                           {"deltas", json::object{{"queued", deltas.queued + deltas.running},
                                                   {"built", deltas.built},
                                                   {"not_worth", deltas.not_worth},
                                                   {"failed", deltas.failed}}},
                           {"mqtt", json::object{{"connected", services.signals.mqtt_connected()},
                                                 {"host", services.addresses.mqtt_host},
                                                 {"port", services.addresses.mqtt_port}}},
                           {"uptime_ms", uptime.count()}};
    return json_answer(ok, out);
}

Result<Response> who(const Caller& caller) {
    const auto role =
        caller.is_device() ? std::string_view("device") : fleet::to_string(caller.role);
    return json_answer(
        ok, json::object{{"name", caller.name}, {"role", role}, {"version", program_version}});
}

}  // namespace

void add_system_routes(Routes& routes, Services& services) {
    // Always on the I/O thread: tells that the program runs even when every worker is busy.
    routes.add(
        {.pattern = "/healthz", .access = Access::open},
        [](Request&, Caller&) -> Result<Response> { return alive(); },
        [](const Request&, const Caller&) { return alive(); });
    routes.add({.pattern = "/readyz", .access = Access::open},
               [&services](Request&, Caller&) { return ready(services); });
    routes.add({.pattern = "/metrics"}, [&services](Request&, Caller&) -> Result<Response> {
        return net::text_response(ok, services.metrics.text(), metrics_content_type);
    });
    routes.add({.pattern = "/v1/status"},
               [&services](Request&, Caller&) { return status(services); });
    routes.add(
        {.pattern = "/v1/whoami", .access = Access::device_or_viewer},
        [](Request&, Caller& caller) { return who(caller); },
        [](const Request&, const Caller& caller) { return who(caller); });
    routes.add({.pattern = "/v1/hub/ca", .access = Access::open},
               [&services](Request&, Caller&) -> Result<Response> {
                   return net::text_response(ok, services.authority.certificate_pem(),
                                             "application/x-pem-file");
               });
}

}  // namespace strandline::hub
