#include "gateway/oip_routes.h"

#include <boost/asio/awaitable.hpp>
#include <charconv>
#include <fmt/format.h>

#include "gateway/oip_infer.h"
#include "gateway/oip_metadata.h"

namespace strandline::gateway {
namespace {

namespace asio = boost::asio;
using net::Method;
using net::Request;
using net::Response;

constexpr std::string_view json_length_field = "Inference-Header-Content-Length";
constexpr std::chrono::milliseconds infer_deadline{60'000};
constexpr std::chrono::milliseconds busy_retry_after{1'000};

/// The protocol has errors of its own form, and 503 for an overloaded server.
Response oip_error(const Error& error) {
    const bool busy = error.code == Errc::exhausted;
    auto out = net::json_response(busy ? 503 : info(error.code).http_status,
                                  oip_error_json(error.message));
    const auto retry_after =
        busy ? std::optional(error.retry_after.value_or(busy_retry_after)) : error.retry_after;
    if (retry_after) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(*retry_after);
        out.headers.set("Retry-After", fmt::format("{}", seconds.count()));
    }
    return out;
}

Response oip_answer(Result<std::string> json) {
    return json ? net::json_response(200, std::move(*json)) : oip_error(json.error());
}

Result<std::optional<std::size_t>> json_length_of(const Request& request) {
    const auto field = request.headers.find(json_length_field);
    if (!field) return std::optional<std::size_t>{};
    std::size_t length = 0;
    const auto* const last = field->data() + field->size();
    const auto [end, problem] = std::from_chars(field->data(), last, length);
    if (problem != std::errc{} || end != last) {
        return fail(Errc::invalid, fmt::format("{} must be a number of bytes", json_length_field));
    }
    return std::optional<std::size_t>{length};
}

Response infer_response(InferMessage message, ContentCoding coding) {
    Response out;
    const bool binary = message.json_length.has_value();
    out.headers.set("Content-Type", binary ? "application/octet-stream" : "application/json");
    if (binary) out.headers.set(json_length_field, fmt::format("{}", *message.json_length));
    if (coding != ContentCoding::identity)
        out.headers.set("Content-Encoding", std::string(to_string(coding)));
    out.body = std::move(message.body);
    return out;
}

/// Answers the protocol's calls. Shared by the routes, which live as long as the router.
class OipService {
public:
    OipService(net::Runtime& runtime, ModelTable& models, OipOptions options)
        : runtime_(runtime),
          models_(models),
          options_(std::move(options)),
          places_(options_.max_pending) {}

    [[nodiscard]] Response live(Request& /*request*/) const {
        return net::json_response(200, R"({"live":true})");
    }

    [[nodiscard]] Response ready(Request& /*request*/) const {
        const bool all = models_.unavailable().empty();
        return net::json_response(all ? 200 : 503,
                                  all ? R"({"ready":true})" : R"({"ready":false})");
    }

    [[nodiscard]] Response server_metadata(Request& /*request*/) const {
        return net::json_response(
            200, server_metadata_json(options_.server_name, options_.server_version));
    }

    [[nodiscard]] Response model_ready(Request& request) const {
        const auto model = find(request);
        // The protocol answers 400 here whatever the reason.
        if (!model) return oip_error(fail(Errc::invalid, model.error().message));
        return net::json_response(200, model_ready_json((*model)->name));
    }

    [[nodiscard]] Response model_metadata(Request& request) const {
        const auto model = find(request);
        return model ? oip_answer(model_metadata_json(**model)) : oip_error(model.error());
    }

    [[nodiscard]] Response model_config(Request& request) const {
        const auto model = find(request);
        return model ? oip_answer(model_config_json(**model)) : oip_error(model.error());
    }

    [[nodiscard]] Response model_statistics(Request& request) const {
        const auto model = find(request);
        if (!model) return oip_error(model.error());
        const std::vector one{*model};
        return oip_answer(statistics_json(one));
    }

    [[nodiscard]] Response all_statistics(Request& /*request*/) const {
        const auto all = models_.list();
        return oip_answer(statistics_json(all));
    }

    [[nodiscard]] Response repository_index(Request& request) const {
        const auto wanted = parse_index_request(request.body);
        if (!wanted) return oip_error(wanted.error());
        return oip_answer(repository_index_json(models_, *wanted));
    }

    [[nodiscard]] Response refuse_loading(Request& /*request*/) const {
        return oip_error(
            fail(Errc::invalid, "models are loaded and unloaded by deployments, not by this call"));
    }

    asio::awaitable<Result<Response>> infer(Request& request) {
        auto prepared = prepare(request);
        if (!prepared) co_return oip_error(prepared.error());
        const auto job = std::make_shared<const InferJob>(std::move(*prepared));
        const auto coding = job->answer_coding;
        std::function<Result<InferMessage>()> work = [job] {
            return run_infer_job(*job, system_clock());
        };
        auto message = co_await runtime_.offload<InferMessage>(std::move(work));
        if (!message) co_return oip_error(message.error());
        co_return infer_response(std::move(*message), coding);
    }

private:
    /// The model that the path names.
    [[nodiscard]] Result<std::shared_ptr<const ServedModel>> find(const Request& request) const {
        std::string_view name;
        std::string_view version;
        for (const auto& [key, value] : request.params) {
            if (key == "model") name = value;
            if (key == "version") version = value;
        }
        return models_.find(name, version);
    }

    [[nodiscard]] Result<InferJob> prepare(Request& request) {
        InferJob job;
        TRY(job.model, find(request));
        TRY(job.json_length, json_length_of(request));
        const auto coding = request.headers.find("Content-Encoding");
        TRY(job.body_coding, parse_content_encoding(coding.value_or("")));
        job.answer_coding = choose_coding(request.headers.find("Accept-Encoding").value_or(""));
        job.place = places_.take();
        if (!job.place) {
            return fail(Errc::exhausted,
                        fmt::format("{} inferences are waiting or running, which is the limit "
                                    "here; try again or another node",
                                    options_.max_pending));
        }
        job.body = std::move(request.body);
        job.max_request_bytes = options_.max_request_bytes;
        job.queued_at = system_clock().steady();
        return job;
    }

    net::Runtime& runtime_;
    ModelTable& models_;
    const OipOptions options_;
    InferPlaces places_;
};

asio::awaitable<Result<Response>> answer(Response response) { co_return std::move(response); }

using Service = std::shared_ptr<OipService>;  // shared by all routes of the router
using Simple = Response (OipService::*)(Request&) const;

void add_simple(net::Router& router, Method method, const std::string& pattern,
                const Service& service, Simple handler) {
    router.add(method, pattern, [service, handler](Request& request) {
        return answer((*service.*handler)(request));
    });
}

/// Every call on a model exists with and without a version.
void add_model_routes(net::Router& router, const Service& service, std::size_t max_request_bytes) {
    net::RouteOptions infer_options;
    infer_options.max_body_bytes = max_request_bytes;
    infer_options.deadline = infer_deadline;
    for (const std::string model :
         {"/v2/models/{model}", "/v2/models/{model}/versions/{version}"}) {
        add_simple(router, Method::get, model, service, &OipService::model_metadata);
        add_simple(router, Method::get, model + "/ready", service, &OipService::model_ready);
        add_simple(router, Method::get, model + "/config", service, &OipService::model_config);
        add_simple(router, Method::get, model + "/stats", service, &OipService::model_statistics);
        router.add(
            Method::post, model + "/infer",
            [service](Request& request) { return service->infer(request); }, infer_options);
    }
}

}  // namespace

void add_oip_routes(net::Router& router, net::Runtime& runtime, ModelTable& models,
                    OipOptions options) {
    const auto max_request_bytes = options.max_request_bytes;
    const auto service = std::make_shared<OipService>(runtime, models, std::move(options));
    add_simple(router, Method::get, "/v2", service, &OipService::server_metadata);
    add_simple(router, Method::get, "/v2/", service, &OipService::server_metadata);
    add_simple(router, Method::get, "/v2/health/live", service, &OipService::live);
    add_simple(router, Method::get, "/v2/health/ready", service, &OipService::ready);
    add_simple(router, Method::get, "/v2/models/stats", service, &OipService::all_statistics);
    add_simple(router, Method::post, "/v2/repository/index", service,
               &OipService::repository_index);
    for (const auto* call : {"load", "unload"}) {
        add_simple(router, Method::post, fmt::format("/v2/repository/models/{{model}}/{}", call),
                   service, &OipService::refuse_loading);
    }
    add_model_routes(router, service, max_request_bytes);
}

}  // namespace strandline::gateway
