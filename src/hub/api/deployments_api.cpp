#include "hub/api/deployments_api.h"

#include <fmt/core.h>

#include "hub/api/api_json.h"
#include "hub/api/views_json.h"

namespace strandline::hub {
namespace {

namespace json = boost::json;
using net::Method;
using net::Request;
using net::Response;

constexpr int ok = 200;
constexpr int created = 201;

// What devices accept.
std::chrono::milliseconds read_duration(JsonReader& in, std::string_view key,
                                        std::chrono::milliseconds fallback,
                                        std::chrono::milliseconds max,
                                        std::chrono::milliseconds min = {}) {
    return std::chrono::milliseconds(
        in.integer_or(key, fallback.count(), min.count(), max.count()));
}

fleet::Selector read_selector(JsonReader& in) {
    const auto* to = read_object(in, "to");
    if (to == nullptr) {
        in.reject("to",
                  "is missing: {\"devices\":[..]}, {\"cluster\":..}, {\"labels\":{..}} or "
                  "{\"all\":true}");
        return {};
    }
    auto selector = fleet::selector_from_json(write_json(*to));
    if (!selector) {
        in.require(selector.error());
        return {};
    }
    return *std::move(selector);
}

void read_soak(JsonReader& in, trust::SoakPolicy& soak) {
    const auto* value = read_object(in, "soak");
    if (value == nullptr) return;
    JsonReader part(*value, in.where() + ".soak");
    soak.duration = read_duration(part, "duration_ms", soak.duration, trust::max_soak);
    soak.max_error_rate = part.number_or("max_error_rate", soak.max_error_rate, 0, 1);
    soak.max_latency =
        read_duration(part, "max_latency_ms", soak.max_latency, trust::max_latency_limit);
    in.require(part.finish());
}

void read_self_test(JsonReader& in, trust::SelfTestPolicy& test) {
    const auto* value = read_object(in, "self_test");
    if (value == nullptr) return;
    constexpr std::int64_t max_memory = std::int64_t{1} << 50;
    JsonReader part(*value, in.where() + ".self_test");
    test.timeout =
        read_duration(part, "timeout_ms", test.timeout, trust::max_self_test, trust::min_self_test);
    test.memory_bytes = static_cast<std::uint64_t>(
        part.integer_or("memory_bytes", number(test.memory_bytes), 0, max_memory));
    in.require(part.finish());
}

Result<fleet::DeploymentRequest> read_request(const Services& services, const Request& request) {
    TRY(const auto body, read_body(request, "deployment"));
    JsonReader in(body, "deployment");
    fleet::DeploymentRequest wanted;
    wanted.package = in.text("package");
    wanted.version = in.optional_text("version");
    wanted.channel = in.optional_text("channel");
    wanted.variant = in.optional_text("variant");
    wanted.slot = in.optional_text("slot");
    wanted.to = read_selector(in);
    read_soak(in, wanted.policy.soak);
    read_self_test(in, wanted.policy.self_test);
    wanted.policy.spread =
        read_duration(in, "spread_ms", services.config.mqtt.spread, trust::max_spread);
    wanted.policy.allow_full = in.boolean_or("allow_full", true);
    if (in.has("follow")) wanted.follow = in.boolean_or("follow", false);
    TRY(in.finish());
    return wanted;
}

// A deployment with the rows of its devices, as many as one page holds; the rest by cursor.
Result<Response> full_answer(Services& services, const Request& request,
                             const fleet::Deployment& deployment, int status) {
    TRY(auto page, page_of(request));
    if (!request.query_value("limit")) page.limit = registry::max_page_limit;
    TRY(const auto rows, services.domain.deployments.rows(deployment.id, page));
    auto out = deployment_value(deployment);
    json::array devices;
    for (const auto& row : rows.items) devices.emplace_back(row_value(row));
    out["devices"] = std::move(devices);
    out["next"] = rows.next ? json::value(*rows.next) : json::value(nullptr);
    return json_answer(status, out);
}

Result<Response> deploy(Services& services, const Request& request, Caller& caller) {
    TRY(auto wanted, read_request(services, request));
    wanted.created_by = caller.name;
    TRY(const auto made, services.domain.fleet.deploy(wanted));
    caller.object = made.deployment.id;
    services.signals.desired_changed();
    services.signals.deltas_wanted();
    return full_answer(services, request, made.deployment, created);
}

Result<Response> roll_back(Services& services, const Request& request, const Caller& caller) {
    TRY(const auto made, services.domain.fleet.rollback(request.param("id"), caller.name));
    services.signals.desired_changed();
    services.signals.deltas_wanted();
    json::array deployments;
    for (const auto& deployment : made.deployments)
        deployments.emplace_back(deployment_value(deployment));
    return json_answer(created, json::object{{"deployments", std::move(deployments)}});
}

Result<Response> cancel(Services& services, const Request& request, const Caller& caller) {
    TRY(const auto made, services.domain.fleet.cancel(request.param("id"), caller.name));
    services.signals.desired_changed();
    return full_answer(services, request, made.deployment, ok);
}

Result<Response> list(Services& services, const Request& request) {
    TRY(const auto page, page_of(request));
    std::optional<fleet::DeploymentState> state;
    if (const auto name = request.query_value("state")) {
        TRY(state, fleet::deployment_state_from(*name));
    }
    TRY(const auto deployments, services.domain.deployments.list(state, page));
    return page_answer(deployments, deployment_value);
}

}  // namespace

void add_deployment_routes(Routes& routes, Services& services) {
    routes.add({.pattern = "/v1/deployments"},
               [&services](Request& request, Caller&) { return list(services, request); });
    routes.add({.method = Method::post,
                .pattern = "/v1/deployments",
                .access = Access::operators,
                .action = "deployment.create",
                .options = {.max_body_bytes = std::uint64_t{1}
                                              << 20}},  // a list of ten thousand device names
               [&services](Request& request, Caller& caller) {
                   return deploy(services, request, caller);
               });
    routes.add({.pattern = "/v1/deployments/{id}"},
               [&services](Request& request, Caller&) -> Result<Response> {
                   TRY(const auto deployment, services.domain.deployments.get(request.param("id")));
                   return full_answer(services, request, deployment, ok);
               });
    routes.add({.method = Method::post,
                .pattern = "/v1/deployments/{id}/rollback",
                .access = Access::operators,
                .action = "deployment.rollback"},
               [&services](Request& request, Caller& caller) {
                   return roll_back(services, request, caller);
               });
    routes.add({.method = Method::post,
                .pattern = "/v1/deployments/{id}/cancel",
                .access = Access::operators,
                .action = "deployment.cancel"},
               [&services](Request& request, Caller& caller) {
                   return cancel(services, request, caller);
               });
}

}  // namespace strandline::hub
