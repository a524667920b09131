#include "hub/api/devices_api.h"

#include "hub/api/api_json.h"
#include "hub/api/views_json.h"

namespace strandline::hub {
namespace {

using net::Method;
using net::Request;
using net::Response;

constexpr int ok = 200;

Result<fleet::DeviceFilter> filter_of(const Request& request) {
    fleet::DeviceFilter filter;
    filter.cluster = request.query_value("cluster").value_or("");
    if (const auto online = request.query_value("online")) {
        if (*online != "true" && *online != "false")
            return fail(Errc::invalid, "online: must be true or false");
        filter.online = *online == "true";
    }
    for (const auto& [key, value] : request.query) {
        if (key != "label") continue;
        const auto colon = value.find(':');
        if (colon == std::string::npos || colon == 0)
            return fail(Errc::invalid, "label: must be KEY:VALUE");
        filter.labels.emplace_back(value.substr(0, colon), value.substr(colon + 1));
    }
    return filter;
}

Result<Response> list(Services& services, const Request& request) {
    TRY(const auto page, page_of(request));
    TRY(const auto filter, filter_of(request));
    TRY(const auto devices, services.domain.devices.list(filter, page));
    return page_answer(devices, [](const fleet::Device& device) {
        return device_value(device, DeviceDetail::list);
    });
}

Result<Response> show(Services& services, const std::string& id) {
    TRY(const auto device, services.domain.devices.get(id));
    return json_answer(ok, device_value(device, DeviceDetail::full));
}

Result<Response> update(Services& services, const Request& request) {
    TRY(const auto body, read_body(request, "device"));
    JsonReader in(body, "device");
    fleet::DeviceChange change;
    change.name = in.optional_text("name");
    if (in.has("labels")) change.labels = read_map(in, "labels");
    TRY(in.finish());
    const auto& id = request.param("device");
    TRY(const auto changed, services.domain.fleet.update_device(id, change));
    if (!changed.empty()) services.signals.desired_changed();
    return show(services, id);
}

Result<Response> revoke(Services& services, const std::string& id) {
    TRY(services.domain.fleet.revoke_device(id));
    services.signals.device_revoked(id);
    return show(services, id);
}

Result<Response> remove(Services& services, const std::string& id) {
    TRY(services.domain.fleet.remove_device(id));
    services.signals.device_revoked(id);
    return no_content();
}

Result<Response> command(Services& services, const Request& request) {
    constexpr int accepted = 202;
    const auto& name = request.param("command");
    if (name != "report" && name != "keyset")
        return fail(Errc::invalid, "command: must be report or keyset");
    TRY(const auto device, services.domain.devices.get(request.param("device")));
    services.signals.send_command(device.id, name);
    return json_answer(accepted, boost::json::object{{"device", device.id}, {"command", name}});
}

}  // namespace

void add_device_admin_routes(Routes& routes, Services& services) {
    routes.add({.pattern = "/v1/devices"},
               [&services](Request& request, Caller&) { return list(services, request); });
    routes.add({.pattern = "/v1/devices/{device}"}, [&services](Request& request, Caller&) {
        return show(services, request.param("device"));
    });
    routes.add({.method = Method::patch,
                .pattern = "/v1/devices/{device}",
                .access = Access::operators,
                .action = "device.update"},
               [&services](Request& request, Caller&) { return update(services, request); });
    routes.add({.method = Method::del,
                .pattern = "/v1/devices/{device}",
                .access = Access::admin,
                .action = "device.delete"},
               [&services](Request& request, Caller&) {
                   return remove(services, request.param("device"));
               });
    routes.add({.method = Method::post,
                .pattern = "/v1/devices/{device}/revoke",
                .access = Access::admin,
                .action = "device.revoke"},
               [&services](Request& request, Caller&) {
                   return revoke(services, request.param("device"));
               });
    routes.add({.method = Method::post,
                .pattern = "/v1/devices/{device}/commands/{command}",
                .access = Access::operators,
                .action = "device.command"},
               [&services](Request& request, Caller&) { return command(services, request); });
}

}  // namespace strandline::hub
