#include "net/http_server.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/http_date.h"
#include "net/server_core.h"
#include "net/session.h"

namespace strandline::net {
namespace {

using Tcp = asio::ip::tcp;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
// Out of file descriptors or memory: a pause instead of a busy loop.
constexpr std::chrono::milliseconds accept_pause{100};
// How long aborted connections get to unwind at the end of stop().
constexpr std::chrono::seconds abort_span{2};

/// Says that there is no room, if that works without waiting.
void turn_away(Tcp::socket& socket, bool tls) {
    static constexpr std::string_view text =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
        "Connection: close\r\n\r\n";
    if (!tls) {
        static_cast<void>(
            ::send(socket.native_handle(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    }
    boost::system::error_code ignored;
    socket.close(ignored);
}

asio::awaitable<void> run_session(std::shared_ptr<Session> session) { co_await session->run(); }

Status open_listener(Tcp::acceptor& acceptor, const ServerOptions& options) {
    boost::system::error_code failed;
    const auto address = asio::ip::make_address(options.address, failed);
    if (failed) {
        return fail(Errc::invalid,
                    fmt::format("listen address {} is not an IP address", options.address));
    }
    const Tcp::endpoint endpoint(address, options.port);
    acceptor.open(endpoint.protocol(), failed);
    if (!failed) acceptor.set_option(Tcp::acceptor::reuse_address(true), failed);
    if (!failed) acceptor.bind(endpoint, failed);
    if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, failed);
    if (!failed) return {};
    return fail(Errc::unavailable, fmt::format("listen on {} port {}: {}", options.address,
                                               options.port, failed.message()));
}

}  // namespace

const std::string& ServerCore::date() {
    const auto now = std::chrono::floor<std::chrono::seconds>(system_clock().wall());
    if (now != date_of_) {
        date_of_ = now;
        date_ = to_http_date(now);
    }
    return date_;
}

void ServerCore::enter(Session& session) {
    sessions.insert(&session);
    if (gone) session.abort();
}

void ServerCore::leave(Session& session) {
    sessions.erase(&session);
    draining.erase(&session);
    for (auto* const watcher : leave_watchers) watcher->notify();
}

struct HttpServer::Impl final : ServerCore, std::enable_shared_from_this<HttpServer::Impl> {
    Impl(Runtime& runtime_in, Router router_in, ServerOptions options_in)
        : ServerCore(runtime_in, std::move(router_in), std::move(options_in)),
          acceptor(runtime_in.executor()) {}

    asio::awaitable<void> accept_loop(std::shared_ptr<Impl> self);
    void begin(Tcp::socket socket);
    asio::awaitable<void> wait_until_empty(const std::unordered_set<Session*>& which,
                                           Deadline deadline);

    /// Whoever asks now goes before a client that may ask again some time.
    bool make_room() {
        if (resting.empty()) return false;
        resting.front()->give_way();
        return true;
    }

    void stop_accepting() {
        boost::system::error_code ignored;
        acceptor.close(ignored);
    }

    void abort_all() {
        // A copy, because callbacks of aborted answers may do anything.
        const std::vector<Session*> all(sessions.begin(), sessions.end());
        for (auto* const session : all) {
            if (sessions.contains(session)) session->abort();
        }
    }

    Tcp::acceptor acceptor;
    std::uint16_t port = 0;
};

asio::awaitable<void> HttpServer::Impl::accept_loop(std::shared_ptr<Impl> self) {
    while (self->acceptor.is_open()) {
        auto [failed, socket] = co_await self->acceptor.async_accept(as_result);
        if (!self->acceptor.is_open()) break;
        if (failed) {
            log_warn("connection not accepted reason=\"{}\"", failed.message());
            co_await sleep_for(accept_pause);
        } else if (self->sessions.size() >= self->options.max_connections && !self->make_room()) {
            log_debug("connection turned away connections={}", self->sessions.size());
            turn_away(socket, self->tls != nullptr);
        } else {
            self->begin(std::move(socket));
        }
    }
}

void HttpServer::Impl::begin(Tcp::socket socket) {
    boost::system::error_code failed;
    const auto remote = socket.remote_endpoint(failed);
    if (failed) return;  // gone already
    Peer peer;
    peer.address = remote.address().to_string();
    auto place = shares.take(peer.address);
    if (!place) {
        log_debug("connection turned away peer={} reason=\"it holds its share\"", peer.address);
        return turn_away(socket, tls != nullptr);
    }
    UniqueFd fd(socket.release(failed));
    if (failed) return;
    peer.port = remote.port();
    peer.tls = tls != nullptr;
    Stream stream(runtime.executor());
    if (const auto adopted = stream.adopt(std::move(fd)); !adopted) {
        log_warn("connection not accepted reason=\"{}\"", adopted.error().message);
        return;
    }
    auto session = std::make_shared<Session>(shared_from_this(), std::move(peer), std::move(stream),
                                             *std::move(place));
    enter(*session);
    runtime.spawn(run_session(std::move(session)));
}

asio::awaitable<void> HttpServer::Impl::wait_until_empty(const std::unordered_set<Session*>& which,
                                                         Deadline deadline) {
    Signal left(runtime.executor());
    leave_watchers.push_back(&left);
    while (!which.empty() && !deadline.passed()) co_await left.wait(deadline);
    std::erase(leave_watchers, &left);
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
    impl_->gone = true;
    impl_->stop_accepting();
    impl_->abort_all();
}

Result<std::unique_ptr<HttpServer>> HttpServer::create(Runtime& runtime, Router router,
                                                       ServerOptions options) {
    auto impl = std::make_shared<Impl>(runtime, std::move(router), std::move(options));
    if (impl->options.tls) {
        TRY(impl->tls, make_server_context(*impl->options.tls));
    }
    TRY(open_listener(impl->acceptor, impl->options));
    boost::system::error_code failed;
    impl->port = impl->acceptor.local_endpoint(failed).port();
    runtime.spawn(impl->accept_loop(impl));
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const { return impl_->port; }

std::size_t HttpServer::connections() const { return impl_->sessions.size(); }

Status HttpServer::replace_tls(ServerTls tls) {
    if (!impl_->tls) return fail(Errc::invalid, "this server was not started with TLS");
    TRY(auto context, make_server_context(tls));
    impl_->tls = std::move(context);
    impl_->options.tls = std::move(tls);
    return {};
}

asio::awaitable<void> HttpServer::stop(Deadline deadline) {
    const auto impl = impl_;
    impl->stopping = true;
    impl->draining = impl->sessions;
    const std::vector<Session*> all(impl->sessions.begin(), impl->sessions.end());
    for (auto* const session : all) session->drain();
    co_await impl->wait_until_empty(impl->draining, deadline);
    impl->stop_accepting();
    impl->abort_all();
    co_await impl->wait_until_empty(impl->sessions, Deadline::after(abort_span));
}

}  // namespace strandline::net
