#include "hub/api/blobs_api.h"

#include <utility>

#include "hub/api/api_json.h"
#include "hub/transfer/body_pump.h"
#include "hub/transfer/downloads.h"

namespace strandline::hub {
namespace {

namespace json = boost::json;
using net::Method;
using net::Request;
using net::Response;

constexpr int created = 201;

net::Task<Response> put_blob(Services& services, Request& request, std::shared_ptr<Caller> caller) {
    std::optional<Sha256Digest> expected;
    if (const auto text = request.query_value("sha256")) {
        CO_TRY(expected, Sha256Digest::from_hex(*text));
    }
    using Writer = std::shared_ptr<store::BlobWriter>;  // shared with the worker that writes
    auto* blobs = &services.blobs;
    std::function<Result<Writer>()> open =
        [blobs, size = request.stream->length().value_or(0)]() -> Result<Writer> {
        TRY(auto writer, blobs->begin(size));
        return std::make_shared<store::BlobWriter>(std::move(writer));
    };
    CO_TRY(auto writer, co_await services.runtime.offload<Writer>(std::move(open)));
    PieceSink sink = [writer](ByteSpan piece) { return writer->write(piece); };
    CO_TRY(co_await pump_body(services.runtime, *request.stream, std::move(sink)));
    std::function<Result<store::BlobInfo>()> commit = [writer, expected] {
        return writer->commit(expected);
    };
    CO_TRY(const auto blob, co_await services.runtime.offload<store::BlobInfo>(std::move(commit),
                                                                               net::Work::lengthy));
    caller->object = blob.digest.hex();
    const json::object out{{"sha256", blob.digest.hex()}, {"size", number(blob.size)}};
    co_return json_answer(created, out);
}

net::Task<Response> get_blob(Services& services, const Request& request,
                             std::shared_ptr<Caller> caller) {
    CO_TRY(const auto digest, Sha256Digest::from_hex(request.param("sha256")));
    if (caller->is_device()) {
        std::function<Result<bool>()> check = [desired = &services.domain.desired, digest,
                                               name = caller->name] {
            return desired->may_read_blob(name, digest);
        };
        CO_TRY(const bool allowed, co_await services.runtime.offload<bool>(std::move(check)));
        if (!allowed) co_return fail(Errc::not_found, "blob " + digest.hex() + " is unknown");
    }
    co_return co_await send_blob(services, request, digest, caller->actor());
}

}  // namespace

void add_blob_routes(Routes& routes, Services& services) {
    routes.add_stream(
        {.method = Method::post,
         .pattern = "/v1/blobs",
         .access = Access::operators,
         .action = "blob.create",
         .options = {.max_body_bytes = services.config.uploads.max_bytes, .streaming_body = true}},
        [&services](Request& request, std::shared_ptr<Caller> caller) {
            return put_blob(services, request, std::move(caller));
        });
    routes.add_stream({.pattern = "/v1/blobs/{sha256}", .access = Access::device_or_viewer},
                      [&services](Request& request, std::shared_ptr<Caller> caller) {
                          return get_blob(services, request, std::move(caller));
                      });
}

}  // namespace strandline::hub
