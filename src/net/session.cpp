#include "net/session.h"

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/log.h"
#include "net/session_exchange.h"

namespace strandline::net {
namespace {

// Requests served back to back before other connections get their turn.
constexpr int fair_requests = 32;
// A body left unread is swallowed up to here to keep the connection; beyond, the connection ends.
constexpr std::uint64_t swallow_bytes = 256 * 1024;
// How long a client that still sends gets to read our last answer before the connection is reset.
constexpr std::chrono::seconds linger_span{2};

}  // namespace

Session::Session(std::shared_ptr<ServerCore> core, Peer peer, Stream stream,
                 AddressShares::Place place)
    : core_(std::move(core)),
      place_(std::move(place)),
      peer_(std::move(peer)),
      stream_(std::move(stream)),
      reader_(stream_, HeadLimits{core_->options.max_header_bytes, 128}),
      wake_(core_->runtime.executor()) {}

Session::~Session() {
    core_->sessions.erase(this);
    core_->draining.erase(this);
    end_rest();
}

/// Idle after its first request: from now on it gives way to a new connection.
void Session::rest() { resting_ = core_->resting.insert(core_->resting.end(), this); }

void Session::end_rest() {
    if (resting_) core_->resting.erase(*std::exchange(resting_, std::nullopt));
}

void Session::give_way() {
    end_rest();
    closing_ = true;
    stream_.interrupt(fail(Errc::cancelled, "another connection needs the place"));
}

void Session::drain() {
    closing_ = true;
    if (idle_) stream_.interrupt(fail(Errc::cancelled, "the server is stopping"));
}

void Session::abort() {
    closing_ = true;
    stream_.interrupt(fail(Errc::cancelled, "the server is stopping"));
    notice_.fire(false);
    wake_.notify();
}

asio::awaitable<void> Session::run() {
    try {
        co_await converse();
    } catch (const std::exception& error) {
        log_error("connection failed peer={} what={}", peer_.address, error.what());
    }
    notice_.fire(false);
    stream_.close();
    end_rest();
    core_->leave(*this);
}

asio::awaitable<void> Session::converse() {
    if (core_->tls) {
        const auto secured = co_await start_tls();
        if (!secured) {
            log_debug("TLS refused peer={} reason=\"{}\"", peer_.address, secured.error().message);
            co_return;
        }
    }
    for (int served = 1; !closing_; ++served) {
        if (!co_await receive_head()) break;
        co_await serve();
        has_served_ = true;
        if (served % fair_requests == 0) co_await asio::post(asio::use_awaitable);
    }
    if (unread_input_ && !stream_.interrupted()) co_await linger();
}

asio::awaitable<Status> Session::start_tls() {
    stream_.set_deadline(Deadline::after(core_->options.handshake_timeout));
    TlsRole role;
    role.context = core_->tls;
    role.server = true;
    CO_TRY(co_await stream_.handshake(std::move(role)));
    auto certificate = stream_.peer_certificate();
    if (!certificate) co_return Status{};
    if (certificate->expired) co_return fail(Errc::unauthenticated, "the certificate has expired");
    const auto& accept = core_->options.tls->accept_client;
    if (accept && !core_->gone && !accept(certificate->common_name, certificate->serial)) {
        co_return fail(Errc::unauthenticated,
                       "the certificate of " + certificate->common_name + " is not accepted");
    }
    peer_.common_name = std::move(certificate->common_name);
    peer_.certificate_serial = std::move(certificate->serial);
    co_return Status{};
}

/// True once the first byte of a request is there; the time for its head then starts to run.
bool Session::request_begins() {
    // An empty line in front of a request is to be skipped (RFC 9112 section 2.2).
    while (idle_ && as_text(reader_.input.bytes()).starts_with("\r\n")) reader_.input.consume(2);
    if (idle_ && !reader_.input.empty()) {
        idle_ = false;
        end_rest();
        stream_.set_deadline(Deadline::after(core_->options.header_timeout));
    }
    return !idle_;
}

/// False when the connection is over; what there was to say has been said.
asio::awaitable<bool> Session::receive_head() {
    reader_.input.shrink();
    reader_.parser.start(HttpParser::Kind::request);
    reader_.body_bytes = 0;
    idle_ = true;
    stream_.set_deadline(Deadline::after(core_->options.idle_timeout));
    if (has_served_ && !request_begins()) rest();
    for (;;) {
        const bool begun = request_begins();
        if (begun) {
            const auto size = reader_.parser.read_head(as_text(reader_.input.bytes()));
            if (!size) co_return co_await refuse_head(reader_.parser.error_status(), size.error());
            reader_.input.consume(*size);
            if (*size > 0) co_return true;
        }
        const auto received = co_await reader_.receive(core_->options.max_header_bytes);
        if (received) continue;
        if (!begun || received.error().code != Errc::timeout) co_return false;
        stream_.forgive_timeout();
        co_return co_await refuse_head(408, fail(Errc::timeout, "the request took too long"));
    }
}

/// Answers what is not a request, and gives the connection up. An interrupted stream sends nothing.
asio::awaitable<bool> Session::refuse_head(int status, Error error) {
    closing_ = true;
    unread_input_ = true;
    auto exchange = std::make_shared<Exchange>();
    exchange->started = std::chrono::steady_clock::now();
    exchange->keep_alive = false;
    exchange->request.peer = peer_;
    auto response = error_response(error);
    response.status = status;
    co_await reply(std::move(exchange), std::move(response));
    co_return false;
}

SendContext Session::send_context() {
    SendContext context;
    context.runtime = &core_->runtime;
    context.stream = &stream_;
    context.wake = &wake_;
    context.notice = &notice_;
    context.owner = shared_from_this();
    context.idle_timeout = core_->options.idle_timeout;
    context.server_name = core_->options.server_name;
    context.date = core_->date();
    return context;
}

asio::awaitable<void> Session::serve() {
    auto exchange = std::make_shared<Exchange>();
    exchange->started = std::chrono::steady_clock::now();
    exchange->session = shared_from_this();
    auto response = co_await answer(exchange);
    if (stream_.interrupted()) {
        notice_.arm(std::move(response.on_sent));
        notice_.fire(false);
        closing_ = true;
        report(*exchange, info(Errc::cancelled).http_status);
        co_return;
    }
    if (closing_ || !body_can_be_skipped(*exchange)) exchange->keep_alive = false;
    co_await reply(std::move(exchange), std::move(response));
    // Only now: the client may be waiting for the answer before it sends any more.
    if (!closing_ && !reader_.body_done()) co_await dispose_of_body();
    if (reader_.body_done()) co_return;
    closing_ = true;
    unread_input_ = true;
}

/// True when the rest of the body is small enough to be read and thrown away.
bool Session::body_can_be_skipped(const Exchange& exchange) const {
    if (reader_.body_done()) return true;
    // A client that still waits for its go-ahead may or may not send the body now.
    if (exchange.body && (exchange.body->awaits_continue() || exchange.body->broken()))
        return false;
    const auto length = reader_.parser.content_length();
    return !length || *length - reader_.body_bytes <= swallow_bytes;
}

asio::awaitable<void> Session::reply(std::shared_ptr<Exchange> exchange, Response response) {
    SendRequest request;
    request.method = exchange->request.method;
    request.headers = &exchange->request.headers;
    request.keep_alive = exchange->keep_alive;
    request.http_1_0 = exchange->http_1_0;
    auto context = send_context();
    const auto outcome = co_await send_response(std::move(context), request, response);
    if (!outcome.keep_alive) closing_ = true;
    report(*exchange, outcome.status);
}

void Session::report(const Exchange& exchange, int status) const {
    const auto& observe = core_->options.observe;
    if (!observe || core_->gone) return;
    const auto span = std::chrono::steady_clock::now() - exchange.started;
    try {
        observe(exchange.request, status, notice_.bytes(), span);
    } catch (const std::exception& error) {
        log_error("observer of requests failed what={}", error.what());
    }
}

/// Reads a small rest of a body that the handler did not want, so that the next request is found.
asio::awaitable<void> Session::dispose_of_body() {
    std::array<std::byte, 16 * 1024> scrap;
    stream_.set_deadline(Deadline::after(linger_span));
    for (std::uint64_t swallowed = 0; swallowed <= swallow_bytes;) {
        const auto size = co_await reader_.read_body(scrap);
        if (!size || *size == 0) co_return;
        swallowed += *size;
    }
}

/// Closing with unread input makes the kernel send a reset, which can destroy the answer on its way
/// (RFC 9112 section 9.6); so says the end first and reads on for a moment.
asio::awaitable<void> Session::linger() {
    std::array<std::byte, 16 * 1024> scrap;
    stream_.shut_down_writing();
    stream_.set_deadline(Deadline::after(linger_span));
    constexpr std::uint64_t most = 16 * 1024 * 1024;
    for (std::uint64_t swallowed = 0; swallowed < most;) {
        const auto size = co_await stream_.read_some(scrap);
        if (!size || *size == 0) co_return;
        swallowed += *size;
    }
}

}  // namespace strandline::net
