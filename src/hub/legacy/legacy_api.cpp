#include "hub/legacy/legacy_api.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <fmt/core.h>
#include <memory>

#include "base/json.h"
#include "hub/api/api_json.h"
#include "hub/legacy/legacy_names.h"
#include "hub/transfer/body_pump.h"

namespace strandline::hub {
namespace {

namespace json = boost::json;
using net::Method;
using net::Request;
using net::Response;

constexpr int ok = 200;
constexpr int created = 201;
constexpr int bad_request = 400;
constexpr int unauthorized = 401;
constexpr int not_found = 404;
constexpr std::size_t max_plain_form_bytes = 64 * 1024;

struct Legacy {
    Services* services;
    LegacyUploads* uploads;

    [[nodiscard]] const std::string& origin() const { return services->addresses.legacy_url; }
};
using Shared = std::shared_ptr<const Legacy>;  // of all routes' closures

std::string document_url(const registry::LegacyFile& file, const std::string& origin) {
    return fmt::format("{}/media/Files/{}/{}", origin, net::percent_encode(folder_name(file.title)),
                       net::percent_encode(file.filename));
}

json::object row_value(const registry::LegacyFile& file, const std::string& origin) {
    return {{"id", file.id},
            {"title", file.title},
            {"description", file.description},
            {"version", file.version},
            {"document", document_url(file, origin)},
            {"uploaded_at", time_value(file.uploaded)}};
}

Response detail(int status, std::string_view text) {
    return json_answer(status, json::object{{"detail", text}});
}

Response problems_answer(const FieldProblems& problems) {
    json::object out;
    for (const auto& [field, text] : problems) out[field] = json::array{json::string(text)};
    return json_answer(bad_request, out);
}

// Errors in the manner of the older platform: {"detail": "..."}.
Result<Response> legacy_errors(Result<Response> answer) {
    if (answer) return answer;
    const auto& error = answer.error();
    if (error.code == Errc::not_found) return detail(not_found, "Not found.");
    auto response = detail(info(error.code).http_status, error.message);
    return response;
}

std::optional<Response> refuse(const Legacy& legacy, const Request& request) {
    const auto& token = legacy.services->config.legacy.token;
    if (token.empty()) return std::nullopt;
    auto given = request.headers.find("Authorization").value_or("");
    if (given.empty()) return detail(unauthorized, "Authentication credentials were not provided.");
    given.remove_prefix(std::min(given.size(), given.find(' ') + 1));
    if (equal_constant_time(as_bytes(given), as_bytes(token))) return std::nullopt;
    return detail(unauthorized, "Invalid token.");
}

Result<std::int64_t> id_of(const Request& request) {
    const auto& text = request.param("id");
    std::int64_t id = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, id);
    if (error != std::errc{} || rest != end) return fail(Errc::not_found, "no such file");
    return id;
}

Result<Response> list(const Legacy& legacy) {
    json::array out;
    std::int64_t after = 0;
    while (true) {
        TRY(const auto files, legacy.services->domain.legacy_files.list(after));
        for (const auto& file : files) out.emplace_back(row_value(file, legacy.origin()));
        if (files.size() < registry::max_page_limit) return json_answer(ok, out);
        after = files.back().id;
    }
}

Result<Response> show(const Legacy& legacy, const Request& request) {
    TRY(const auto id, id_of(request));
    TRY(const auto file, legacy.services->domain.legacy_files.get(id));
    return json_answer(ok, row_value(file, legacy.origin()));
}

Result<Response> remove(const Legacy& legacy, const Request& request) {
    TRY(const auto id, id_of(request));
    TRY(legacy.services->domain.legacy_files.get(id));
    TRY(legacy.services->domain.legacy_files.remove(id));
    return no_content();
}

Result<Response> download(const Legacy& legacy, const Request& request) {
    auto& services = *legacy.services;
    const auto& title = request.param("title");
    TRY(const auto file, services.domain.legacy_files.find_file(title, request.param("name")));
    TRY(auto handle, services.blobs.open_blob(file.blob));
    Response response;
    response.headers.set("Content-Type", "application/octet-stream");
    response.body = net::FileBody{.file = std::make_shared<const UniqueFd>(std::move(handle)),
                                  .size = file.size,
                                  .etag = "\"" + file.blob.hex() + "\""};
    return response;
}

// What to do with a complete form, on a worker thread.
using FormAction = std::function<Result<LegacyResult>(LegacyForm&)>;

// A form without a document may come as a plain web form or as JSON too, as the older platform
// took.
Status read_plain_form(std::string_view type, std::string_view body, LegacyForm& form) {
    if (type.starts_with("application/json")) {
        TRY(const auto value, parse_json(body, "form"));
        const auto* object = value.if_object();
        if (object == nullptr) return fail(Errc::invalid, "form: must be a JSON object");
        for (const auto& [key, field] : *object) {
            if (!field.is_string())
                return fail(Errc::invalid, fmt::format("{}: must be a text", std::string(key)));
            TRY(form.set_field(std::string(key),
                               std::string(std::string_view(field.get_string()))));
        }
        return {};
    }
    while (!body.empty()) {
        const auto pair = body.substr(0, body.find('&'));
        body.remove_prefix(std::min(body.size(), pair.size() + 1));
        const auto equals = std::min(pair.find('='), pair.size());
        TRY(auto name, net::percent_decode(pair.substr(0, equals), true));
        TRY(auto text, net::percent_decode(pair.substr(std::min(pair.size(), equals + 1)), true));
        TRY(form.set_field(std::move(name), std::move(text)));
    }
    return {};
}

net::Task<void> read_form(Services& services, Request& request, std::shared_ptr<LegacyForm> form) {
    const auto type = request.headers.find("Content-Type").value_or("");
    const bool plain = type.starts_with("application/json") ||
                       type.starts_with("application/x-www-form-urlencoded");
    if (plain) {
        CO_TRY(const auto body, co_await read_whole(*request.stream, max_plain_form_bytes));
        co_return read_plain_form(type, body, *form);
    }
    CO_TRY(auto made, MultipartParser::create(type, *form));
    auto parser = std::make_shared<MultipartParser>(std::move(made));
    PieceSink sink = [form, parser](ByteSpan piece) { return parser->feed(piece); };
    CO_TRY(
        co_await pump_body(services.runtime, *request.stream, std::move(sink), net::Work::lengthy));
    std::function<Result<bool>()> finish = [form, parser]() -> Result<bool> {
        TRY(parser->finish());
        return true;
    };
    CO_TRY(co_await services.runtime.offload<bool>(std::move(finish), net::Work::lengthy));
    co_return Status{};
}

net::Task<Response> with_form(Shared legacy, Request& request, FormAction action) {
    if (auto refusal = refuse(*legacy, request)) co_return *std::move(refusal);
    auto& services = *legacy->services;
    // Shared with the workers that write the document.
    auto form =
        std::make_shared<LegacyForm>(services.blobs, services.config.legacy.max_document_bytes);
    CO_TRY(co_await read_form(services, request, form));
    std::function<Result<LegacyResult>()> work = [form, action = std::move(action)] {
        return action(*form);
    };
    CO_TRY(const auto result,
           co_await services.runtime.offload<LegacyResult>(std::move(work), net::Work::lengthy));
    if (!result.problems.empty()) co_return problems_answer(result.problems);
    co_return json_answer(result.created ? created : ok, row_value(result.file, legacy->origin()));
}

net::Task<Response> form_route(Shared legacy, Request& request, FormAction action) {
    auto answer = co_await with_form(std::move(legacy), request, std::move(action));
    co_return legacy_errors(std::move(answer));
}

net::Task<Response> update_route(Shared legacy, Request& request) {
    const auto id = id_of(request);
    if (!id) co_return detail(not_found, "Not found.");
    const bool partial = request.method == Method::patch;
    FormAction action = [uploads = legacy->uploads, id = *id, partial](LegacyForm& form) {
        return uploads->update(id, form, partial);
    };
    co_return co_await form_route(std::move(legacy), request, std::move(action));
}

net::Task<Response> create_route(Shared legacy, Request& request) {
    FormAction action = [uploads = legacy->uploads](LegacyForm& form) {
        return uploads->create(form);
    };
    co_return co_await form_route(std::move(legacy), request, std::move(action));
}

void add_reading_routes(net::Router& router, const Shared& legacy) {
    const auto guarded = [&router, legacy](Method method, std::string_view pattern, auto handler) {
        router.add_blocking(method, pattern,
                            [legacy, handler](Request& request) -> Result<Response> {
                                if (auto refusal = refuse(*legacy, request))
                                    return *std::move(refusal);
                                return legacy_errors(handler(*legacy, request));
                            });
    };
    guarded(Method::get, "/api/file_upload/",
            [](const Legacy& part, const Request&) { return list(part); });
    guarded(Method::get, "/api/file_upload/{id}/", show);
    guarded(Method::del, "/api/file_upload/{id}/", remove);
    // The older devices download without any credential.
    router.add_blocking(Method::get, "/media/Files/{title}/{name}", [legacy](Request& request) {
        return legacy_errors(download(*legacy, request));
    });
}

}  // namespace

net::Router make_legacy_router(Services& services, LegacyUploads& uploads) {
    const auto legacy =
        std::make_shared<const Legacy>(Legacy{.services = &services, .uploads = &uploads});
    net::Router router;
    add_reading_routes(router, legacy);
    constexpr std::uint64_t form_overhead = std::uint64_t{1} << 20;
    net::RouteOptions options;
    options.max_body_bytes = services.config.legacy.max_document_bytes + form_overhead;
    options.streaming_body = true;
    router.add(
        Method::post, "/api/file_upload/",
        [legacy](Request& request) { return create_route(legacy, request); }, options);
    for (const auto method : {Method::put, Method::patch}) {
        router.add(
            method, "/api/file_upload/{id}/",
            [legacy](Request& request) { return update_route(legacy, request); }, options);
    }
    return router;
}

std::string push_notification(const registry::LegacyFile& file, const std::string& origin,
                              WallTime now) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    std::array<char, 32> text{};
    const auto length = std::strftime(text.data(), text.size(), "%m/%d %H:%M:%S", &local);
    return write_json(json::object{{"Model_Name", file.title},
                                   {"Description", file.description},
                                   {"Version", file.version},
                                   {"Time", std::string_view(text.data(), length)},
                                   {"Download", document_url(file, origin)}});
}

}  // namespace strandline::hub
