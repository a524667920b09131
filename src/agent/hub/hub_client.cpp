#include "agent/hub/hub_client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/hub/messages.h"

namespace strandline::agent {
namespace {

constexpr std::chrono::seconds call_timeout{30};
// A mistake of the hub must not lock a device out for good.
constexpr std::chrono::milliseconds longest_quiet{std::chrono::hours{24}};
constexpr int not_modified = 304;
constexpr int too_many_requests = 429;
constexpr int service_unavailable = 503;

net::ClientRequest request_for(net::Method method, std::string target) {
    net::ClientRequest request;
    request.method = method;
    request.url = std::move(target);
    request.deadline = Deadline::after(call_timeout);
    return request;
}

}  // namespace

HubClient::HubClient(net::Runtime& runtime, std::string base_url, net::ClientOptions options)
    : runtime_(&runtime), base_url_(std::move(base_url)), options_(std::move(options)) {}

Result<std::unique_ptr<HubClient>> HubClient::create(net::Runtime& runtime, std::string base_url,
                                                     net::ClientOptions options) {
    TRY(net::Url::parse(base_url));
    TRY(auto http, net::HttpClient::create(runtime, options));
    auto client =
        std::unique_ptr<HubClient>(new HubClient(runtime, std::move(base_url), std::move(options)));
    client->http_ = std::move(http);
    return client;
}

Status HubClient::use_identity(std::string certificate_pem, std::string private_key_pem) {
    options_.tls.certificate_pem = std::move(certificate_pem);
    options_.tls.private_key_pem = std::move(private_key_pem);
    TRY(auto http, net::HttpClient::create(*runtime_, options_));
    http_ = std::move(http);
    return {};
}

Status HubClient::Lane::open() const {
    if (quiet_until.passed()) return {};
    auto error = words;
    // Rounded up, so that the next call does not come a fraction too early.
    error.retry_after = std::chrono::ceil<std::chrono::milliseconds>(quiet_until.remaining());
    return error;
}

Status HubClient::Lane::listen(const net::ClientResponse& response, std::string_view target) {
    if (response.status != too_many_requests && response.status != service_unavailable) return {};
    const auto wait = net::retry_after(response);
    if (!wait) return {};
    words = net::to_error(response, target);
    quiet_until = Deadline::after(std::min(*wait, longest_quiet));
    words.retry_after = std::min(*wait, longest_quiet);
    return words;
}

net::Task<net::ClientResponse> HubClient::call(net::ClientRequest request) {
    CO_TRY(control_.open());
    const auto http = http_;
    const auto target = request.url;
    request.url.insert(0, base_url_);
    auto response = co_await http->send(std::move(request));
    if (!response) co_return context(target, std::move(response).error());
    CO_TRY(control_.listen(*response, target));
    const bool redirected = response->status / 100 == 3 && response->status != not_modified;
    if (response->status >= 400 || redirected) co_return net::to_error(*response, target);
    co_return std::move(*response);
}

net::Task<net::ClientResponse> HubClient::download(net::ClientRequest request,
                                                   net::ResponseSink& sink) {
    std::erase_if(payloads_, [](const auto& lane) { return lane.second.quiet_until.passed(); });
    const auto target = request.url;
    if (const auto told = payloads_.find(target); told != payloads_.end())
        CO_TRY(told->second.open());
    const auto http = http_;
    request.url.insert(0, base_url_);
    auto response = co_await http->send(std::move(request), sink);
    if (!response) co_return std::move(response).error();
    Lane lane;
    const auto told = lane.listen(*response, target);
    if (told) co_return std::move(*response);
    payloads_.insert_or_assign(target, lane);
    co_return told.error();
}

net::Task<trust::Envelope> HubClient::envelope(std::string target) {
    auto request = request_for(net::Method::get, std::move(target));
    auto response = co_await call(std::move(request));
    if (!response) co_return std::move(response).error();
    co_return trust::envelope_from_json(response->body);
}

net::Task<std::optional<trust::Envelope>> HubClient::desired(std::int64_t known_generation) {
    auto request = request_for(net::Method::get, "/v1/device/desired");
    request.headers.set("If-None-Match", "\"" + std::to_string(known_generation) + "\"");
    auto response = co_await call(std::move(request));
    if (!response && response.error().code == Errc::not_found)
        co_return std::optional<trust::Envelope>{};
    if (!response) co_return std::move(response).error();
    if (response->status == not_modified) co_return std::optional<trust::Envelope>{};
    CO_TRY(auto envelope, trust::envelope_from_json(response->body));
    co_return std::optional<trust::Envelope>{std::move(envelope)};
}

net::Task<trust::Envelope> HubClient::manifest(Sha256Digest digest) {
    co_return co_await envelope("/v1/manifests/" + digest.hex());
}

net::Task<trust::Envelope> HubClient::keyset() { co_return co_await envelope("/v1/device/keyset"); }

net::Task<void> HubClient::send_report(std::string json) {
    auto request = request_for(net::Method::post, "/v1/device/reports");
    request.headers.set("Content-Type", "application/json");
    request.body = std::move(json);
    const auto response = co_await call(std::move(request));
    if (!response) co_return response.error();
    co_return Status{};
}

net::Task<std::string> HubClient::renew(std::string csr_pem) {
    auto request = request_for(net::Method::post, "/v1/device/renew");
    request.headers.set("Content-Type", "application/json");
    request.body = renew_request_json(csr_pem);
    const auto response = co_await call(std::move(request));
    if (!response) co_return response.error();
    co_return renew_answer_from_json(response->body);
}

}  // namespace strandline::agent
