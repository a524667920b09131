#include "hub/api/uploads_api.h"

#include <charconv>
#include <fmt/core.h>
#include <utility>

#include "hub/transfer/body_pump.h"
#include "hub/transfer/upload_files.h"
#include "hub/transfer/upload_metadata.h"

namespace strandline::hub {
namespace {

using net::Method;
using net::Request;
using net::Response;

constexpr int created = 201;
constexpr int no_content = 204;
constexpr int ok = 200;

Response tus_answer(int status) {
    Response response;
    response.status = status;
    response.headers.set("Tus-Resumable", "1.0.0");
    response.headers.set("Cache-Control", "no-store");
    return response;
}

// Errors need the version header too (tus 1.0.0, "Tus-Resumable").
Result<Response> with_version(Result<Response> answer) {
    auto response = answer ? *std::move(answer) : net::error_response(answer.error());
    response.headers.set("Tus-Resumable", "1.0.0");
    return response;
}

Status check_version(const Request& request) {
    const auto version = request.headers.find("Tus-Resumable");
    if (!version || *version == "1.0.0") return {};
    return fail(Errc::invalid, "Tus-Resumable: this hub speaks 1.0.0");
}

Result<std::uint64_t> number_header(const Request& request, std::string_view name) {
    const auto text = request.headers.find(name);
    if (!text) return fail(Errc::invalid, fmt::format("{} is missing", name));
    std::uint64_t value = 0;
    const auto* end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, value);
    if (error != std::errc{} || rest != end) {
        return fail(Errc::invalid, fmt::format("{} must be a whole number", name));
    }
    return value;
}

Result<Response> create(const Services& services, UploadFiles& files, const Request& request,
                        Caller& caller) {
    TRY(check_version(request));
    registry::UploadRequest wanted;
    TRY(wanted.length, number_header(request, "Upload-Length"));
    if (wanted.length > services.config.uploads.max_bytes) {
        return fail(Errc::invalid, fmt::format("Upload-Length: at most {} bytes are accepted",
                                               services.config.uploads.max_bytes));
    }
    if (const auto metadata = request.headers.find("Upload-Metadata")) {
        TRY(read_upload_metadata(*metadata, wanted));
    }
    wanted.owner = caller.name;
    TRY(const auto upload, files.create(wanted));
    caller.object = upload.id;
    auto response = tus_answer(created);
    response.headers.set("Location", "/v1/uploads/" + upload.id);
    response.headers.set("Upload-Expires", to_rfc3339(upload.expires));
    return response;
}

Result<Response> show(UploadFiles& files, const Request& request, const Caller& caller) {
    TRY(check_version(request));
    TRY(const auto upload, files.get(request.param("id"), caller.name));
    auto response = tus_answer(ok);
    response.headers.set("Upload-Offset", std::to_string(upload.offset));
    response.headers.set("Upload-Length", std::to_string(upload.length));
    return response;
}

Result<Response> progress_answer(const UploadFiles::Append::Progress& progress) {
    auto response = tus_answer(no_content);
    response.headers.set("Upload-Offset", std::to_string(progress.offset));
    if (progress.blob) response.headers.set("Strandline-Blob", progress.blob->digest.hex());
    return response;
}

net::Task<Response> patch(net::Runtime& runtime, std::shared_ptr<UploadFiles> files,
                          Request& request, std::shared_ptr<Caller> caller) {
    using Append = std::shared_ptr<UploadFiles::Append>;
    CO_TRY(check_version(request));
    if (request.headers.find("Content-Type") != "application/offset+octet-stream") {
        co_return fail(Errc::invalid, "Content-Type must be application/offset+octet-stream");
    }
    CO_TRY(const auto offset, number_header(request, "Upload-Offset"));
    std::function<Result<Append>()> open = [files, id = request.param("id"), caller, offset] {
        return files->append(id, caller->name, offset);
    };
    CO_TRY(auto append, co_await runtime.offload<Append>(std::move(open)));
    PieceSink sink = [append](ByteSpan piece) { return append->write(piece); };
    const auto moved = co_await pump_body(runtime, *request.stream, std::move(sink));
    // What arrived before a cut counts: that is the point of a resumable upload.
    std::function<Result<UploadFiles::Append::Progress>()> finish = [append] {
        return append->finish();
    };
    CO_TRY(const auto progress, co_await runtime.offload<UploadFiles::Append::Progress>(
                                    std::move(finish), net::Work::lengthy));
    if (!moved) co_return moved.error();
    co_return progress_answer(progress);
}

net::Task<Response> patch_with_version(net::Runtime& runtime, std::shared_ptr<UploadFiles> files,
                                       Request& request, std::shared_ptr<Caller> caller) {
    auto answer = co_await patch(runtime, std::move(files), request, std::move(caller));
    co_return with_version(std::move(answer));
}

Result<Response> capabilities(const Services& services) {
    auto response = tus_answer(no_content);
    response.headers.set("Tus-Version", "1.0.0");
    response.headers.set("Tus-Extension", "creation,expiration,termination");
    response.headers.set("Tus-Max-Size", std::to_string(services.config.uploads.max_bytes));
    return response;
}

}  // namespace

void add_upload_routes(Routes& routes, Services& services) {
    // Shared with the coroutines of running requests.
    const auto& files = services.uploads;
    routes.add({.method = Method::options, .pattern = "/v1/uploads", .access = Access::open},
               [&services](Request&, Caller&) { return capabilities(services); });
    routes.add({.method = Method::post,
                .pattern = "/v1/uploads",
                .access = Access::operators,
                .action = "upload.create"},
               [&services, files](Request& request, Caller& caller) {
                   return with_version(create(services, *files, request, caller));
               });
    routes.add({.method = Method::head, .pattern = "/v1/uploads/{id}", .access = Access::operators},
               [files](Request& request, Caller& caller) {
                   return with_version(show(*files, request, caller));
               });
    routes.add_stream(
        {.method = Method::patch,
         .pattern = "/v1/uploads/{id}",
         .access = Access::operators,
         .options = {.max_body_bytes = services.config.uploads.max_bytes, .streaming_body = true}},
        [&services, files](Request& request, std::shared_ptr<Caller> caller) {
            return patch_with_version(services.runtime, files, request, std::move(caller));
        });
    routes.add({.method = Method::del,
                .pattern = "/v1/uploads/{id}",
                .access = Access::operators,
                .action = "upload.delete"},
               [files](Request& request, Caller& caller) -> Result<Response> {
                   const auto removed = files->remove(request.param("id"), caller.name);
                   if (!removed) return with_version(removed.error());
                   return tus_answer(no_content);
               });
}

}  // namespace strandline::hub
