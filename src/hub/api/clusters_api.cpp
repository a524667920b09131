#include "hub/api/clusters_api.h"

#include "hub/api/api_json.h"

namespace strandline::hub {
namespace {

namespace json = boost::json;
using net::Method;
using net::Request;
using net::Response;

constexpr int ok = 200;
constexpr int created = 201;

json::object cluster_value(const fleet::Cluster& cluster) {
    json::array members;
    for (const auto& member : cluster.members) members.emplace_back(member);
    return {{"name", cluster.name},
            {"description", cluster.description},
            {"members", std::move(members)},
            {"created", time_value(cluster.created)}};
}

Result<Response> create_cluster(Services& services, const Request& request, Caller& caller) {
    TRY(const auto body, read_body(request, "cluster"));
    JsonReader in(body, "cluster");
    const auto name = in.text("name");
    const auto description = in.text_or("description", "");
    TRY(in.finish());
    caller.object = name;
    TRY(const auto cluster, services.domain.clusters.create(name, description));
    return json_answer(created, cluster_value(cluster));
}

Result<Response> join(Services& services, const Request& request) {
    TRY(const auto changed,
        services.domain.fleet.join_cluster(request.param("cluster"), request.param("device")));
    if (!changed.empty()) services.signals.desired_changed();
    return no_content();
}

Result<Response> leave(Services& services, const Request& request) {
    TRY(const auto changed,
        services.domain.fleet.leave_cluster(request.param("cluster"), request.param("device")));
    if (!changed.empty()) services.signals.desired_changed();
    return no_content();
}

}  // namespace

void add_cluster_routes(Routes& routes, Services& services) {
    routes.add({.pattern = "/v1/clusters"}, list_handler(services.domain.clusters, cluster_value));
    routes.add({.method = Method::post,
                .pattern = "/v1/clusters",
                .access = Access::operators,
                .action = "cluster.create"},
               [&services](Request& request, Caller& caller) {
                   return create_cluster(services, request, caller);
               });
    routes.add({.pattern = "/v1/clusters/{cluster}"},
               [&services](Request& request, Caller&) -> Result<Response> {
                   TRY(const auto cluster, services.domain.clusters.get(request.param("cluster")));
                   return json_answer(ok, cluster_value(cluster));
               });
    routes.add({.method = Method::del,
                .pattern = "/v1/clusters/{cluster}",
                .access = Access::operators,
                .action = "cluster.delete"},
               [&services](Request& request, Caller&) -> Result<Response> {
                   TRY(services.domain.clusters.remove(request.param("cluster")));
                   return no_content();
               });
    routes.add({.method = Method::put,
                .pattern = "/v1/clusters/{cluster}/members/{device}",
                .access = Access::operators,
                .action = "cluster.join"},
               [&services](Request& request, Caller&) { return join(services, request); });
    routes.add({.method = Method::del,
                .pattern = "/v1/clusters/{cluster}/members/{device}",
                .access = Access::operators,
                .action = "cluster.leave"},
               [&services](Request& request, Caller&) { return leave(services, request); });
}

}  // namespace strandline::hub
