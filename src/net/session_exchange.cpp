#include "net/session_exchange.h"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/core.h>

#include "base/log.h"
#include "base/utf8.h"

namespace strandline::net {
namespace {

constexpr std::size_t first_body_bytes = 4 * 1024;
// Bodies up to here are collected from anybody: asking first would cost more than they do.
constexpr std::uint64_t unasked_body_bytes = 4 * 1024;
// How long a program usually takes to come back after it was told to stop.
constexpr std::chrono::seconds restart_span{5};

std::string allow_field(const std::vector<Method>& methods) {
    std::string text;
    for (const auto method : methods) {
        if (!text.empty()) text += ", ";
        text += to_string(method);
    }
    return text;
}

// What is decoded here ends in logs, answers and records, none of which hold arbitrary bytes.
Status check_decoded(std::string_view text) {
    if (is_plain_text(text)) return {};
    return fail(Errc::invalid, "the URL hides control characters or bytes that are not UTF-8");
}

Status take_query(std::string_view text, Request& request) {
    while (!text.empty()) {
        const auto end = std::min(text.find('&'), text.size());
        const auto pair = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (pair.empty()) continue;
        const auto equals = std::min(pair.find('='), pair.size());
        const auto rest = pair.substr(std::min(equals + 1, pair.size()));
        TRY(auto key, percent_decode(pair.substr(0, equals), true));
        TRY(auto value, percent_decode(rest, true));
        TRY(check_decoded(key));
        TRY(check_decoded(value));
        request.query.emplace_back(std::move(key), std::move(value));
    }
    return {};
}

/// The path and query of a target in absolute form (RFC 9112 section 3.2.2).
std::string_view origin_form(std::string_view target) {
    const auto scheme = target.find("://");
    if (target.starts_with('/') || scheme == std::string_view::npos) return target;
    const auto slash = target.find('/', scheme + 3);
    return slash == std::string_view::npos ? "/" : target.substr(slash);
}

bool expects_continue(const Request& request, bool http_1_0) {
    const auto field = request.headers.find("Expect");
    return field && !http_1_0 && equals_ignoring_case(*field, "100-continue");
}

Response response_with_status(int status, const Error& error) {
    auto response = error_response(error);
    response.status = status;
    return response;
}

}  // namespace

Status take_head(ParsedHead& head, Request& request) {
    request.method = *head.method;
    request.target = std::move(head.target);
    request.headers = std::move(head.headers);
    const auto target = origin_form(request.target);
    if (!target.starts_with('/')) {
        return fail(Errc::invalid, "the request target must be a path that starts with /");
    }
    const auto mark = std::min(target.find('?'), target.size());
    TRY(request.path, percent_decode(target.substr(0, mark)));
    TRY(check_decoded(request.path));
    return take_query(target.substr(std::min(mark + 1, target.size())), request);
}

Error handler_failure(const Request& request, const std::exception_ptr& failure) {
    std::string what = "unknown";
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        what = error.what();
    } catch (...) {  // NOLINT(bugprone-empty-catch): `what` says all there is
    }
    log_error("handler failed method={} path={} what={}", to_string(request.method), request.path,
              what);
    return fail(Errc::internal, "the server failed to answer; its log says why");
}

Session::Exchange::~Exchange() {
    if (session) session->core_->body_memory -= body_memory;
}

void Session::Exchange::finish() {
    done = true;
    if (!abandoned) return session->wake_.notify();
    // Nobody will send this answer, and its owner is told so.
    if (*result && (*result)->on_sent) {
        SentNotice notice;
        notice.arm(std::move((*result)->on_sent));
    }
}

SessionBody::SessionBody(Session& session, std::uint64_t max_bytes, bool expects_continue)
    : session_(session), max_bytes_(max_bytes), expects_continue_(expects_continue) {}

std::optional<std::uint64_t> SessionBody::length() const {
    return session_.reader_.parser.content_length();
}

asio::awaitable<Status> SessionBody::send_continue() {
    expects_continue_ = false;
    if (!session_.reader_.input.empty()) co_return Status{};  // it did not wait
    const std::array<ByteSpan, 1> pieces = {as_bytes("HTTP/1.1 100 Continue\r\n\r\n")};
    co_return co_await session_.stream_.write(pieces);
}

asio::awaitable<Result<std::size_t>> SessionBody::read(std::span<std::byte> out) {
    if (session_.reader_.body_done()) co_return std::size_t{0};
    if (too_large_ || broken_) co_return fail(Errc::invalid, "the body cannot be read any further");
    auto& stream = session_.stream_;
    const auto idle = session_.core_->options.idle_timeout;
    stream.set_deadline(Deadline::after(idle).earlier(deadline_));
    if (expects_continue_) CO_TRY(co_await send_continue());
    auto size = co_await session_.reader_.read_body(out);
    stream.set_deadline(Deadline::never());
    if (!size) {
        broken_ = true;
        auto error = std::move(size).error();
        stream.forgive_timeout();
        if (error.code == Errc::unavailable) error.code = Errc::cancelled;
        co_return error;
    }
    if (session_.reader_.body_bytes > max_bytes_) {
        too_large_ = broken_ = true;
        co_return fail(Errc::invalid, fmt::format("the body is larger than {} bytes", max_bytes_));
    }
    co_return *size;
}

int SessionBody::error_status(const Error& error) const {
    if (too_large_) return 413;
    return error.code == Errc::timeout ? 408 : info(error.code).http_status;
}

asio::awaitable<Response> Session::answer(std::shared_ptr<Exchange> exchange) {
    auto& request = exchange->request;
    auto& head = reader_.parser.head();
    exchange->http_1_0 = head.version < 11;
    exchange->keep_alive = head.keep_alive;
    request.peer = peer_;
    const auto taken = take_head(head, request);
    if (!taken) {
        exchange->keep_alive = false;
        co_return error_response(taken.error());
    }
    if (core_->stopping) {
        exchange->keep_alive = false;
        auto stopping = fail(Errc::unavailable, "the server is stopping");
        stopping.retry_after = restart_span;
        co_return error_response(stopping);
    }
    auto match = core_->router.find(request.method, request.path);
    const bool wants = expects_continue(request, exchange->http_1_0);
    exchange->body.emplace(*this, match ? match->route->options.max_body_bytes : 0, wants);
    if (!match && match.error().code == Errc::invalid) {
        auto response = response_with_status(405, match.error());
        response.headers.set("Allow", allow_field(core_->router.allowed(request.path)));
        co_return response;
    }
    if (!match) co_return error_response(match.error());
    exchange->route = match->route;
    request.params = std::move(match->params);
    const auto length = reader_.parser.content_length();
    const auto limit = exchange->route->options.max_body_bytes;
    if (length && *length > limit) {
        const auto error =
            fail(Errc::invalid, fmt::format("the body is larger than {} bytes", limit));
        co_return response_with_status(413, error);
    }
    co_return co_await run_route(std::move(exchange));
}

asio::awaitable<Response> Session::run_route(std::shared_ptr<Exchange> exchange) {
    const auto& options = exchange->route->options;
    auto deadline = Deadline::never();
    if (options.streaming_body) {
        exchange->request.stream = &*exchange->body;
    } else {
        deadline = Deadline::after(options.deadline);
        if (!reader_.body_done()) {
            auto refusal = co_await collect_body(exchange, deadline);
            if (refusal) co_return *std::move(refusal);
        }
    }
    stream_.set_deadline(Deadline::never());
    const auto started = start_handler(exchange);
    if (!started) co_return error_response(started.error());
    if (exchange->done) co_return response_of(*exchange);
    co_return co_await await_handler(std::move(exchange), deadline);
}

/// What to answer when the route refuses the body or it does not come.
asio::awaitable<std::optional<Response>> Session::collect_body(std::shared_ptr<Exchange> exchange,
                                                               Deadline deadline) {
    const auto admitted = co_await admit_body(*exchange);
    if (!admitted) co_return error_response(admitted.error());
    const auto read = co_await read_whole_body(exchange, deadline);
    if (read) co_return std::nullopt;
    exchange->keep_alive = false;
    if (read.error().code == Errc::unavailable) co_return error_response(read.error());
    co_return response_with_status(exchange->body->error_status(read.error()), read.error());
}

/// Asks the route whether the body may be collected.
asio::awaitable<Status> Session::admit_body(Exchange& exchange) {
    const auto& ask = exchange.route->options.before_body;
    const auto length = reader_.parser.content_length();
    if (!ask || (length && *length <= unasked_body_bytes)) {
        co_return Status{};
    }
    try {
        co_return co_await ask(exchange.request);
    } catch (...) {
        co_return handler_failure(exchange.request, std::current_exception());
    }
}

asio::awaitable<Status> Session::read_whole_body(std::shared_ptr<Exchange> exchange,
                                                 Deadline deadline) {
    auto& text = exchange->request.body;
    auto& body = *exchange->body;
    body.set_deadline(deadline);
    const auto length = body.length();
    std::size_t used = 0;
    for (;;) {
        // Grows with what really came, so that a big announcement alone costs no memory.
        if (used == text.size()) {
            auto wanted = std::max<std::uint64_t>(first_body_bytes, used * 2);
            if (length) wanted = std::min(wanted, *length);
            CO_TRY(lend_memory(*exchange, wanted));
            text.resize(static_cast<std::size_t>(wanted));
        }
        const auto room = std::as_writable_bytes(std::span(text)).subspan(used);
        if (room.empty()) break;  // all of the announced length is there
        const auto size = co_await body.read(room);
        if (!size) co_return size.error();
        if (*size == 0) break;
        used += *size;
    }
    text.resize(used);
    co_return Status{};
}

/// Grows an exchange's share of the memory for bodies. What is below the first piece is not
/// counted: so small a body never has to wait for large ones.
Status Session::lend_memory(Exchange& exchange, std::uint64_t size) {
    if (size <= first_body_bytes) return {};
    const auto more = size - exchange.body_memory;
    if (core_->body_memory + more > core_->options.max_body_memory) {
        auto busy = fail(Errc::unavailable, "other requests' bodies fill the memory for them");
        busy.retry_after = std::chrono::seconds{1};
        return busy;
    }
    core_->body_memory += more;
    exchange.body_memory = size;
    return {};
}

/// Lets a route's quick handler answer, if it has one and that one can.
bool Session::answered_at_once(Exchange& exchange) {
    if (!exchange.route->quick) return false;
    try {
        exchange.result = exchange.route->quick(exchange.request);
    } catch (...) {
        exchange.result = handler_failure(exchange.request, std::current_exception());
    }
    exchange.done = exchange.result.has_value();
    return exchange.done;
}

/// On a pool thread. A queue that is longer than the deadline must not keep the pool busy with what
/// nobody waits for any more.
Result<Response> Session::run_blocking(Exchange& exchange) {
    if (exchange.abandoned) return fail(Errc::timeout, "nobody waits for the answer any more");
    try {
        return exchange.route->blocking(exchange.request);
    } catch (...) {
        return handler_failure(exchange.request, std::current_exception());
    }
}

Status Session::start_handler(const std::shared_ptr<Exchange>& exchange) {
    const auto call = [](std::shared_ptr<Exchange> x) -> asio::awaitable<void> {
        try {
            x->result = co_await x->route->handler(x->request);
        } catch (...) {
            x->result = handler_failure(x->request, std::current_exception());
        }
        x->finish();
    };
    if (exchange->route->handler) {
        asio::co_spawn(core_->runtime.executor(), call(exchange), asio::detached);
        return {};
    }
    if (answered_at_once(*exchange)) return {};
    std::function<void()> work = [x = exchange, runtime = &core_->runtime]() mutable {
        x->result = run_blocking(*x);
        // Moved along, so that the last reference never dies on this thread.
        runtime->post([x = std::move(x)] { x->finish(); });
    };
    const auto accepted = core_->runtime.workers().submit(std::move(work));
    if (accepted) return {};
    auto busy = fail(Errc::unavailable, "the server is busy: " + accepted.error().message);
    busy.retry_after = std::chrono::seconds{1};
    return busy;
}

asio::awaitable<Response> Session::await_handler(std::shared_ptr<Exchange> exchange,
                                                 Deadline deadline) {
    while (!exchange->done) {
        co_await wake_.wait(deadline);
        if (exchange->done) break;
        if (stream_.interrupted()) {
            exchange->abandoned = true;
            co_return error_response(fail(Errc::cancelled, "the connection is closing"));
        }
        if (deadline.passed()) {
            exchange->abandoned = true;
            co_return error_response(fail(Errc::timeout, "the answer took too long"));
        }
    }
    co_return response_of(*exchange);
}

/// What the handler said.
Response Session::response_of(Exchange& exchange) {
    if (*exchange.result) return std::move(**exchange.result);
    const auto& error = exchange.result->error();
    const bool body_failed = exchange.route->options.streaming_body && exchange.body->broken();
    const int status =
        body_failed ? exchange.body->error_status(error) : info(error.code).http_status;
    return response_with_status(status, error);
}

}  // namespace strandline::net
