#include "hub/api/releases_api.h"

#include <memory>
#include <utility>

#include "hub/api/api_json.h"
#include "hub/api/channel_followers.h"
#include "hub/api/release_form.h"
#include "hub/api/views_json.h"
#include "hub/transfer/body_pump.h"

namespace strandline::hub {
namespace {

using net::Method;
using net::Request;
using net::Response;

constexpr int ok = 200;
constexpr int created = 201;
constexpr std::size_t max_release_json = std::size_t{1} << 20;

// Worker thread.
Result<Response> create(Services& services, const registry::ReleaseRequest& wanted,
                        Caller& caller) {
    caller.object = wanted.package + "@" + wanted.version + ":" + wanted.variant;
    TRY(const auto made, services.domain.release_service.create(wanted));
    if (wanted.channel) {
        TRY(lead_followers(services, made.release.triple.package, *wanted.channel, caller.name));
    }
    return json_answer(made.created ? created : ok, release_value(made.release));
}

net::Task<Response> create_from_form(Services& services, Request& request,
                                     std::shared_ptr<Caller> caller) {
    // Shared with the workers that write its files.
    auto form = std::make_shared<ReleaseForm>(services.blobs);
    const auto type = request.headers.find("Content-Type").value_or("");
    CO_TRY(auto made, MultipartParser::create(type, *form));
    auto parser = std::make_shared<MultipartParser>(std::move(made));
    PieceSink sink = [form, parser](ByteSpan piece) { return parser->feed(piece); };
    CO_TRY(
        co_await pump_body(services.runtime, *request.stream, std::move(sink), net::Work::lengthy));
    std::function<Result<Response>()> work = [&services, form, parser,
                                              caller]() -> Result<Response> {
        TRY(parser->finish());
        TRY(const auto wanted, form->take());
        return create(services, wanted, *caller);
    };
    co_return co_await services.runtime.offload<Response>(std::move(work), net::Work::lengthy);
}

net::Task<Response> create_from_json(Services& services, Request& request,
                                     std::shared_ptr<Caller> caller) {
    CO_TRY(auto text, co_await read_whole(*request.stream, max_release_json));
    std::function<Result<Response>()> work = [&services, text = std::move(text),
                                              caller]() -> Result<Response> {
        TRY(const auto wanted, release_request_from_json(text, "release"));
        return create(services, wanted, *caller);
    };
    co_return co_await services.runtime.offload<Response>(std::move(work));
}

net::Task<Response> post_release(Services& services, Request& request,
                                 std::shared_ptr<Caller> caller) {
    const auto type = request.headers.find("Content-Type").value_or("application/json");
    if (type.starts_with("multipart/"))
        return create_from_form(services, request, std::move(caller));
    return create_from_json(services, request, std::move(caller));
}

Result<Response> list(Services& services, const Request& request) {
    TRY(const auto page, page_of(request));
    registry::ReleaseFilter filter;
    filter.package = request.query_value("package").value_or("");
    filter.version = request.query_value("version").value_or("");
    filter.variant = request.query_value("variant").value_or("");
    TRY(const auto releases, services.domain.releases.list(filter, page));
    return page_answer(releases, release_value);
}

Result<Response> manifest(Services& services, const Request& request, const Caller& caller) {
    TRY(const auto digest, Sha256Digest::from_hex(request.param("digest")));
    if (caller.is_device()) {
        TRY(const auto allowed, services.domain.desired.may_read_manifest(caller.name, digest));
        if (!allowed) return fail(Errc::not_found, "manifest " + digest.hex() + " is unknown");
    }
    TRY(auto envelope, services.domain.releases.manifest_envelope(digest));
    return net::json_response(ok, std::move(envelope));
}

}  // namespace

void add_release_routes(Routes& routes, Services& services) {
    routes.add_stream(
        {.method = Method::post,
         .pattern = "/v1/releases",
         .access = Access::operators,
         .action = "release.create",
         .options = {.max_body_bytes = services.config.uploads.max_bytes, .streaming_body = true}},
        [&services](Request& request, std::shared_ptr<Caller> caller) {
            return post_release(services, request, std::move(caller));
        });
    routes.add({.pattern = "/v1/releases"},
               [&services](Request& request, Caller&) { return list(services, request); });
    routes.add({.pattern = "/v1/releases/{id}"},
               [&services](Request& request, Caller&) -> Result<Response> {
                   TRY(const auto release, services.domain.releases.get(request.param("id")));
                   return json_answer(ok, release_value(release));
               });
    routes.add({.method = Method::del,
                .pattern = "/v1/releases/{id}",
                .access = Access::operators,
                .action = "release.delete"},
               [&services](Request& request, Caller&) -> Result<Response> {
                   TRY(services.domain.fleet.remove_release(request.param("id")));
                   return no_content();
               });
    routes.add({.pattern = "/v1/manifests/{digest}", .access = Access::device_or_viewer},
               [&services](Request& request, Caller& caller) {
                   return manifest(services, request, caller);
               });
}

}  // namespace strandline::hub
