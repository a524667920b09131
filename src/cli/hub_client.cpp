#include "cli/hub_client.h"

#include <fmt/core.h>

#include "base/version.h"
#include "net/runtime.h"

namespace strandline::cli {
namespace {

constexpr std::chrono::seconds request_limit{60};

}  // namespace

struct HubClient::Impl {
    net::Runtime runtime{{.worker_threads = 1, .max_queued_work = 64}};
    std::unique_ptr<net::HttpClient> client;
    std::string url;
    std::string token;
};

HubClient::HubClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HubClient::~HubClient() = default;

Result<std::unique_ptr<HubClient>> HubClient::make(const Profile& profile, net::ClientTls tls) {
    TRY(const auto url, net::Url::parse(profile.url));
    auto impl = std::make_unique<Impl>();
    impl->url = url.origin();
    impl->token = profile.token;
    net::ClientOptions options;
    options.tls = std::move(tls);
    options.max_body_bytes = std::size_t{64} << 20;
    options.user_agent = "strandline-cli/" + std::string(program_version);
    TRY(impl->client, net::HttpClient::create(impl->runtime, std::move(options)));
    return std::unique_ptr<HubClient>(
        new HubClient(std::move(impl)));  // NOLINT: private constructor
}

Result<std::unique_ptr<HubClient>> HubClient::create(const Profile& profile) {
    net::ClientTls tls;
    tls.ca_pem = profile.ca_pem;
    return make(profile, std::move(tls));
}

Result<std::unique_ptr<HubClient>> HubClient::create_pinned(const Profile& profile,
                                                            std::string_view ca_sha256) {
    net::ClientTls tls;
    tls.ca_sha256 = ca_sha256;
    return make(profile, std::move(tls));
}

const std::string& HubClient::url() const { return impl_->url; }

Result<net::ClientResponse> HubClient::send(net::ClientRequest request) {
    if (request.url.starts_with('/')) request.url.insert(0, impl_->url);
    request.headers.set("Authorization", "Bearer " + impl_->token);
    return impl_->runtime.block_on(impl_->client->send(std::move(request)));
}

Result<net::ClientResponse> HubClient::send(net::ClientRequest request, net::ResponseSink& sink) {
    if (request.url.starts_with('/')) request.url.insert(0, impl_->url);
    request.headers.set("Authorization", "Bearer " + impl_->token);
    return impl_->runtime.block_on(impl_->client->send(std::move(request), sink));
}

Result<Document> HubClient::exchange(net::Method method, std::string_view path,
                                     const std::string& body) {
    net::ClientRequest request;
    request.method = method;
    request.url = path;
    request.body = body;
    if (!body.empty()) request.headers.set("Content-Type", "application/json");
    request.headers.set("Accept", "application/json");
    request.deadline = Deadline::after(request_limit);
    const std::string what = fmt::format("{} {}", net::to_string(method), path);
    auto response = send(std::move(request));
    if (!response) return context(what, std::move(response).error());
    if (response->status >= 400) return net::to_error(*response, what);
    return Document::parse(response->body.empty() ? "{}" : response->body, what);
}

Result<Document> HubClient::get(std::string_view path) {
    return exchange(net::Method::get, path, {});
}
Result<Document> HubClient::post(std::string_view path, const std::string& body) {
    return exchange(net::Method::post, path, body);
}
Result<Document> HubClient::put(std::string_view path, const std::string& body) {
    return exchange(net::Method::put, path, body);
}
Result<Document> HubClient::patch(std::string_view path, const std::string& body) {
    return exchange(net::Method::patch, path, body);
}

Status HubClient::remove(std::string_view path) {
    TRY(exchange(net::Method::del, path, {}));
    return {};
}

Result<std::string> HubClient::get_text(std::string_view path) {
    net::ClientRequest request;
    request.url = path;
    request.deadline = Deadline::after(request_limit);
    TRY(auto response, send(std::move(request)));
    if (response.status >= 400) return net::to_error(response, path);
    return std::move(response.body);
}

Result<std::vector<Document>> HubClient::get_all(std::string_view path, std::size_t limit) {
    std::vector<Document> items;
    std::string next;
    do {
        std::string page = fmt::format("{}{}limit=1000", path,
                                       path.find('?') == std::string_view::npos ? '?' : '&');
        if (!next.empty()) page += "&cursor=" + net::percent_encode(next);
        TRY(const auto document, get(page));
        for (auto& item : document.list("items")) items.push_back(std::move(item));
        next = document.text("next");
    } while (!next.empty() && items.size() < limit);
    return items;
}

}  // namespace strandline::cli
