#include "net/mqtt_client_impl.h"
#include "net/mqtt_tls.h"
#include "net/resolve.h"

namespace strandline::net {
namespace {

/// For brokers that say nothing before CONNECT.
constexpr std::chrono::milliseconds verdict_wait{1'000};

}  // namespace

/// TLS on the new connection, until the broker has taken our certificate too.
asio::awaitable<Status> MqttClient::Impl::secure(std::shared_ptr<ssl_ctx_st> context,
                                                 Deadline until) {
    auto& stream = link->stream;
    TlsRole role;
    role.context = std::move(context);
    role.host = options.host;
    if (options.verify_time) role.verify_time = options.verify_time();
    CO_TRY(co_await stream.handshake(std::move(role)));
    stream.set_deadline(Deadline::after(verdict_wait).earlier(until));
    auto verdict = co_await stream.await_verdict();
    if (verdict) co_return Status{};
    if (verdict.error().code == Errc::timeout && !until.passed()) {
        stream.forgive_timeout();
        co_return Status{};
    }
    if (verdict.error().code != Errc::unauthenticated) co_return std::move(verdict).error();
    co_return strandline::context("the broker refused our certificate", std::move(verdict).error());
}

asio::awaitable<Status> MqttClient::Impl::reach(Endpoint endpoint,
                                                std::shared_ptr<ssl_ctx_st> context,
                                                Deadline until) {
    link->stream = Stream(runtime.executor());
    link->stream.set_deadline(until);
    CO_TRY(co_await link->stream.connect(std::move(endpoint)));
    if (context) co_return co_await secure(std::move(context), until);
    co_return Status{};
}

/// Reaches the broker, and then lets the library begin its part.
asio::awaitable<Status> MqttClient::Impl::dial() {
    std::shared_ptr<ssl_ctx_st> context;
    if (options.tls) {
        // `self` keeps the options alive should the program end during slow reads.
        std::function<Result<SslContext>()> load = [self = shared_from_this()] {
            return load_mqtt_tls(self->options);
        };
        CO_TRY(context, co_await runtime.offload<SslContext>(std::move(load)));
    }
    CO_TRY(const auto endpoints, co_await resolve(options.host, options.port, connect_until));
    Status reached = fail(Errc::unavailable, "no address");
    for (std::size_t i = 0; i < endpoints.size() && !end; ++i) {
        // A dead first address must not use up the time of the others.
        const auto share = connect_until.remaining() / static_cast<long>(endpoints.size() - i);
        reached = co_await reach(endpoints[i], context, Deadline::after(share));
        if (reached || reached.error().code == Errc::unauthenticated) break;
    }
    if (end) co_return *end;
    CO_TRY(std::move(reached));
    std::function<Result<UniqueFd>()> begin = [self = shared_from_this()] {
        return self->handle->begin_connect();
    };
    CO_TRY(link->local, co_await runtime.offload<UniqueFd>(std::move(begin)));
    co_return Status{};
}

}  // namespace strandline::net
