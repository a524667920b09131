#include "hub/api/device_api.h"

#include <fmt/core.h>
#include <memory>

#include "hub/api/api_json.h"
#include "hub/api/enrolment.h"
#include "hub/state/tls_material.h"
#include "trust/report.h"

namespace strandline::hub {
namespace {

namespace json = boost::json;
using net::Method;
using net::Request;
using net::Response;

constexpr int ok = 200;
constexpr int created = 201;
constexpr int not_modified = 304;

Result<Response> enrol_answer(const Services& services, const fleet::Enrolled& enrolled) {
    TRY(auto keyset, stored_json(services.keyset_envelope, "key set"));
    const auto& addresses = services.addresses;
    const json::object out{{"device", enrolled.device},
                           {"certificate", enrolled.certificate.certificate_pem},
                           {"ca", services.authority.certificate_pem()},
                           {"keyset", std::move(keyset)},
                           {"mqtt", json::object{{"host", addresses.mqtt_host},
                                                 {"port", addresses.mqtt_port},
                                                 {"root", services.config.mqtt.root}}},
                           {"hub", addresses.url}};
    auto response = json_answer(created, out);
    response.headers.set("Cache-Control", "no-store");
    return response;
}

// Whoever shows a token that is none has failed, and is counted.
Result<fleet::Enrolled> enrol_counted(Enrolment& enrolment, fleet::EnrolRequest wanted,
                                      const std::string& token, const std::string& csr,
                                      const std::string& address) {
    auto parsed = trust::Token::parse(token, trust::join_token_kind);
    if (!parsed) {
        enrolment.note_failure(address);
        return std::move(parsed).error();
    }
    wanted.token = *std::move(parsed);
    auto enrolled = enrolment.enrol(wanted, csr);
    if (!enrolled && enrolled.error().code == Errc::unauthenticated) {
        enrolment.note_failure(address);
    }
    return enrolled;
}

Result<Response> enrol(Services& services, Enrolment& enrolment, const Request& request,
                       Caller& caller) {
    TRY(enrolment.admit(caller.address));
    TRY(const auto body, read_body(request, "enrolment"));
    JsonReader in(body, "enrolment");
    fleet::EnrolRequest wanted;
    const auto token = in.text("token");
    const auto csr = in.text("csr");
    wanted.name = in.optional_text("name");
    wanted.labels = read_map(in, "labels");
    wanted.arch = in.text_or("arch", "");
    TRY(in.finish());
    if (wanted.name == hub_client_name) {
        // Its certificate would open everything at the broker.
        return fail(Errc::conflict, "name: this name is the hub's own");
    }
    TRY(const auto enrolled,
        enrol_counted(enrolment, std::move(wanted), token, csr, caller.address));
    caller.object = enrolled.device;
    if (!enrolled.changed.empty()) services.signals.desired_changed();
    return enrol_answer(services, enrolled);
}

Result<Response> renew(Services& services, const Enrolment& enrolment, const Request& request,
                       const Caller& caller) {
    TRY(const auto body, read_body(request, "renewal"));
    JsonReader in(body, "renewal");
    const auto csr = in.text("csr");
    TRY(in.finish());
    TRY(const auto issued, enrolment.issue(csr, caller.name));
    TRY(services.domain.devices.add_certificate(caller.name, issued));
    return json_answer(ok, json::object{{"certificate", issued.certificate_pem}});
}

Result<Response> desired(Services& services, const Request& request, const Caller& caller) {
    ignore(services.domain.devices.touch(caller.name), "presence is only for display");
    TRY(auto record, services.domain.desired.get(caller.name));
    const auto etag = fmt::format("\"{}\"", record.generation);
    auto response = net::json_response(ok, std::move(record.envelope));
    if (request.headers.find("If-None-Match") == etag) {
        response = Response{};
        response.status = not_modified;
    }
    response.headers.set("ETag", etag);
    response.headers.set("Cache-Control", "no-cache");
    return response;
}

Result<Response> keyset(const Services& services) {
    return net::json_response(ok, services.keyset_envelope);
}

Result<Response> report(Services& services, const Request& request, const Caller& caller) {
    TRY(const auto report, trust::report_from_json(request.body));
    if (report.device != caller.name) {
        return fail(Errc::forbidden,
                    fmt::format("device {} cannot report for another one", caller.name));
    }
    TRY(const auto outcome, services.domain.fleet.apply_report(report));
    if (outcome.behind) services.signals.desired_changed();
    services.signals.deltas_wanted();
    return no_content();
}

}  // namespace

void add_device_routes(Routes& routes, Services& services) {
    // Shared by the closures of two routes.
    auto enrolment = std::make_shared<Enrolment>(
        services.domain.fleet, services.authority, services.clock,
        EnrolmentPolicy{.certificate_validity = services.config.enrolment.certificate_validity,
                        .attempts_per_minute = services.config.enrolment.attempts_per_minute,
                        .failures_per_minute = services.config.enrolment.failures_per_minute});
    routes.add({.method = Method::post,
                .pattern = "/v1/enroll",
                .access = Access::open,
                .action = "device.enroll"},
               [&services, enrolment](Request& request, Caller& caller) {
                   return enrol(services, *enrolment, request, caller);
               });
    routes.add({.method = Method::post,
                .pattern = "/v1/device/renew",
                .access = Access::device,
                .action = "device.renew"},
               [&services, enrolment](Request& request, Caller& caller) {
                   return renew(services, *enrolment, request, caller);
               });
    routes.add({.pattern = "/v1/device/desired", .access = Access::device},
               [&services](Request& request, Caller& caller) {
                   return desired(services, request, caller);
               });
    routes.add({.method = Method::post,
                .pattern = "/v1/device/reports",
                .access = Access::device,
                .options = {.max_body_bytes = std::uint64_t{1}
                                              << 20}},  // a thousand files in two releases
               [&services](Request& request, Caller& caller) {
                   return report(services, request, caller);
               });
    routes.add(
        {.pattern = "/v1/device/keyset", .access = Access::device},
        [&services](Request&, Caller&) { return keyset(services); },
        [&services](const Request&, const Caller&) { return keyset(services); });
}

}  // namespace strandline::hub
