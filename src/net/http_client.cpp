#include "net/http_client.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <vector>

#include "net/client_connection.h"
#include "net/resolve.h"
#include "net/tls_context.h"

namespace strandline::net {
namespace {

// Below the keep-alive time of common servers (75 s), so that reuse seldom meets a closed one.
constexpr std::chrono::seconds keep_idle{55};

using Connection = std::unique_ptr<ClientConnection>;

struct Idle {
    std::string origin;
    Connection connection;
    SteadyTime until;
};

bool has_line_break(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

bool is_framing(std::string_view name) {
    constexpr std::array<std::string_view, 4> framing = {"Host", "Content-Length",
                                                         "Transfer-Encoding", "Connection"};
    return std::any_of(framing.begin(), framing.end(),
                       [&](std::string_view f) { return equals_ignoring_case(f, name); });
}

/// Safe to send again when the first attempt had no effect that we know of (RFC 9110 9.2.2).
bool may_repeat(const ClientRequest& request) {
    return request.stream == nullptr && request.method != Method::post &&
           request.method != Method::patch;
}

void add_body_fields(std::string& head, const ClientRequest& request) {
    const bool has_body = request.stream != nullptr || !request.body.empty() ||
                          request.method == Method::post || request.method == Method::put ||
                          request.method == Method::patch;
    if (!has_body) return;
    if (request.stream == nullptr) {
        head += fmt::format("Content-Length: {}\r\n", request.body.size());
    } else if (const auto length = request.stream->length()) {
        head += fmt::format("Content-Length: {}\r\n", *length);
    } else {
        head += "Transfer-Encoding: chunked\r\n";
    }
}

Result<std::string> make_head(const ClientRequest& request, const Url& url,
                              std::string_view user_agent) {
    const auto origin = url.origin();
    auto head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", to_string(request.method), url.target,
                            origin.substr(origin.find("://") + 3));
    if (!request.headers.find("User-Agent")) head += fmt::format("User-Agent: {}\r\n", user_agent);
    for (const auto& [name, value] : request.headers.fields()) {
        if (has_line_break(name) || has_line_break(value)) {
            return fail(Errc::invalid, "a request header must not hold a line break");
        }
        if (!is_framing(name)) head += fmt::format("{}: {}\r\n", name, value);
    }
    add_body_fields(head, request);
    head += "\r\n";
    return head;
}

}  // namespace

struct HttpClient::Impl {
    Impl(Runtime& runtime_in, ClientOptions options_in)
        : runtime(runtime_in), options(std::move(options_in)) {}

    Task<ClientResponse> send(const ClientRequest& request, ResponseSink* sink);
    Task<ClientResponse> attempt(Connection& connection, const ClientRequest& request,
                                 ResponseSink* sink, const Url& url);
    Task<Connection> connect(const Url& url, Deadline deadline);
    Task<Connection> connect_one(const Url& url, Endpoint endpoint, Deadline deadline);
    Connection take_idle(const std::string& origin);
    void put_idle(std::string origin, Connection connection);
    Status prepare_tls();

    Runtime& runtime;
    ClientOptions options;
    SslContext tls;
    std::vector<Idle> idle;
};

Connection HttpClient::Impl::take_idle(const std::string& origin) {
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(idle, [&](const Idle& entry) { return entry.until <= now; });
    while (true) {
        const auto found = std::find_if(idle.rbegin(), idle.rend(),
                                        [&](const Idle& entry) { return entry.origin == origin; });
        if (found == idle.rend()) return nullptr;
        auto connection = std::move(found->connection);
        idle.erase(std::next(found).base());
        if (!connection->stale()) return connection;
    }
}

void HttpClient::Impl::put_idle(std::string origin, Connection connection) {
    if (options.max_idle_connections == 0) return;
    if (idle.size() >= options.max_idle_connections) idle.erase(idle.begin());
    idle.push_back(
        {std::move(origin), std::move(connection), std::chrono::steady_clock::now() + keep_idle});
}

Status HttpClient::Impl::prepare_tls() {
    if (tls) return {};
    TRY(tls, make_client_context(options.tls));
    return {};
}

Task<Connection> HttpClient::Impl::connect_one(const Url& url, Endpoint endpoint,
                                               Deadline deadline) {
    auto connection = std::make_unique<ClientConnection>(runtime.executor(), options);
    CO_TRY(co_await connection->open(std::move(endpoint), deadline));
    if (!url.tls) co_return connection;
    TlsRole role;
    role.context = tls;
    role.host = url.host;
    role.check_host = options.tls.ca_sha256.empty();
    if (options.tls.verify_time) role.verify_time = options.tls.verify_time();
    CO_TRY(co_await connection->secure(std::move(role), deadline));
    co_return connection;
}

Task<Connection> HttpClient::Impl::connect(const Url& url, Deadline deadline) {
    if (url.tls) CO_TRY(prepare_tls());
    const auto limit = Deadline::after(options.connect_timeout).earlier(deadline);
    CO_TRY(const auto endpoints, co_await resolve(url.host, url.port, limit));
    Error last = fail(Errc::unavailable, "no address");
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        // A dead first address must not use up the time of the others.
        const auto share = limit.remaining() / static_cast<long>(endpoints.size() - i);
        auto connection = co_await connect_one(url, endpoints[i], Deadline::after(share));
        if (connection) co_return connection;
        last = std::move(connection).error();
        if (last.code == Errc::timeout) last.message = "the connection took too long to set up";
        if (last.code == Errc::unauthenticated || limit.passed()) break;
    }
    co_return last;
}

Task<ClientResponse> HttpClient::Impl::attempt(Connection& connection, const ClientRequest& request,
                                               ResponseSink* sink, const Url& url) {
    CO_TRY(auto head, make_head(request, url, options.user_agent));
    CO_TRY(co_await connection->send(request, std::move(head)));
    co_return co_await connection->receive(request, sink, options.max_body_bytes);
}

Task<ClientResponse> HttpClient::Impl::send(const ClientRequest& request, ResponseSink* sink) {
    CO_TRY(const auto url, Url::parse(request.url));
    const auto origin = url.origin();
    if (request.deadline.passed()) {
        co_return fail(Errc::timeout, origin + ": the deadline has passed");
    }
    auto connection = take_idle(origin);
    bool reused = connection != nullptr;
    for (;;) {
        if (!connection) {
            auto made = co_await connect(url, request.deadline);
            if (!made) co_return context(origin, std::move(made).error());
            connection = *std::move(made);
        }
        auto response = co_await attempt(connection, request, sink, url);
        if (response) {
            if (connection->reusable()) put_idle(origin, std::move(connection));
            co_return response;
        }
        const bool closed_before =
            reused && connection->untouched() && response.error().code == Errc::unavailable;
        connection.reset();
        if (!closed_before || !may_repeat(request)) {
            co_return context(origin, std::move(response).error());
        }
        reused = false;  // the one repetition uses a new connection
    }
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::create(Runtime& runtime, ClientOptions options) {
    auto impl = std::make_unique<Impl>(runtime, std::move(options));
    const auto& tls = impl->options.tls;
    // Named trust is checked now; the system's is read when the first https address is met.
    if (!tls.ca_pem.empty() || !tls.ca_sha256.empty() || !tls.certificate_pem.empty()) {
        TRY(impl->prepare_tls());
    }
    return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

Task<ClientResponse> HttpClient::send(ClientRequest request) {
    co_return co_await impl_->send(request, nullptr);
}

Task<ClientResponse> HttpClient::send(ClientRequest request, ResponseSink& sink) {
    co_return co_await impl_->send(request, &sink);
}

}  // namespace strandline::net
