#include "hub/api/packages_api.h"

#include "hub/api/api_json.h"
#include "hub/api/channel_followers.h"

namespace strandline::hub {
namespace {

namespace json = boost::json;
using net::Method;
using net::Request;
using net::Response;

constexpr int ok = 200;
constexpr int created = 201;

json::object package_value(const registry::Package& package) {
    return {{"name", package.name},
            {"description", package.description},
            {"releases", package.releases},
            {"latest", text_or_null(package.latest)},
            {"created", time_value(package.created)}};
}

json::object channel_value(const registry::Channel& channel) {
    return {{"name", channel.name},
            {"package", channel.package},
            {"release", channel.release},
            {"version", channel.triple.version},
            {"variant", channel.triple.variant},
            {"moved", time_value(channel.moved)}};
}

Result<Response> create_package(Services& services, const Request& request, Caller& caller) {
    TRY(const auto body, read_body(request, "package"));
    JsonReader in(body, "package");
    const auto name = in.text("name");
    const auto description = in.text_or("description", "");
    TRY(in.finish());
    caller.object = name;
    TRY(const auto package, services.domain.packages.create(name, description));
    return json_answer(created, package_value(package));
}

Result<Response> describe_package(Services& services, const Request& request) {
    TRY(const auto body, read_body(request, "package"));
    JsonReader in(body, "package");
    const auto description = in.text("description");
    TRY(in.finish());
    TRY(const auto package,
        services.domain.packages.describe(request.param("package"), description));
    return json_answer(ok, package_value(package));
}

Result<Response> list_variants(Services& services, const Request& request) {
    TRY(const auto variants, services.domain.packages.variants(request.param("package")));
    json::array items;
    for (const auto& variant : variants) {
        items.emplace_back(json::object{{"name", variant.name},
                                        {"releases", variant.releases},
                                        {"latest", text_or_null(variant.latest)}});
    }
    return list_answer(std::move(items), std::nullopt);
}

Result<Response> list_channels(Services& services, const Request& request) {
    TRY(const auto channels, services.domain.channels.list(request.param("package")));
    json::array items;
    for (const auto& channel : channels) items.emplace_back(channel_value(channel));
    return list_answer(std::move(items), std::nullopt);
}

Result<Response> move_channel(Services& services, const Request& request, const Caller& caller) {
    TRY(const auto body, read_body(request, "channel"));
    JsonReader in(body, "channel");
    registry::Triple target;
    target.package = request.param("package");
    target.version = in.text("version");
    target.variant = in.text_or("variant", target.variant);
    TRY(in.finish());
    const auto& name = request.param("channel");
    TRY(const auto moved, services.domain.channels.move(name, target));
    auto out = channel_value(moved.channel);
    json::array deployments;
    TRY(const auto followers, lead_followers(services, target.package, name, caller.name));
    for (const auto& deployment : followers.deployments) deployments.emplace_back(deployment.id);
    out["deployments"] = std::move(deployments);
    return json_answer(ok, out);
}

void add_channel_routes(Routes& routes, Services& services) {
    routes.add({.pattern = "/v1/packages/{package}/channels"},
               [&services](Request& request, Caller&) { return list_channels(services, request); });
    routes.add({.method = Method::put,
                .pattern = "/v1/packages/{package}/channels/{channel}",
                .access = Access::operators,
                .action = "channel.move"},
               [&services](Request& request, Caller& caller) {
                   return move_channel(services, request, caller);
               });
    routes.add({.method = Method::del,
                .pattern = "/v1/packages/{package}/channels/{channel}",
                .access = Access::operators,
                .action = "channel.delete"},
               [&services](Request& request, Caller&) -> Result<Response> {
                   TRY(services.domain.channels.remove(request.param("package"),
                                                       request.param("channel")));
                   return no_content();
               });
}

}  // namespace

void add_package_routes(Routes& routes, Services& services) {
    routes.add({.pattern = "/v1/packages"}, list_handler(services.domain.packages, package_value));
    routes.add({.method = Method::post,
                .pattern = "/v1/packages",
                .access = Access::operators,
                .action = "package.create"},
               [&services](Request& request, Caller& caller) {
                   return create_package(services, request, caller);
               });
    routes.add({.pattern = "/v1/packages/{package}"},
               [&services](Request& request, Caller&) -> Result<Response> {
                   TRY(const auto package, services.domain.packages.get(request.param("package")));
                   return json_answer(ok, package_value(package));
               });
    routes.add(
        {.method = Method::patch,
         .pattern = "/v1/packages/{package}",
         .access = Access::operators,
         .action = "package.update"},
        [&services](Request& request, Caller&) { return describe_package(services, request); });
    routes.add({.method = Method::del,
                .pattern = "/v1/packages/{package}",
                .access = Access::operators,
                .action = "package.delete"},
               [&services](Request& request, Caller&) -> Result<Response> {
                   TRY(services.domain.packages.remove(request.param("package")));
                   return no_content();
               });
    routes.add({.pattern = "/v1/packages/{package}/variants"},
               [&services](Request& request, Caller&) { return list_variants(services, request); });
    add_channel_routes(routes, services);
}

}  // namespace strandline::hub
