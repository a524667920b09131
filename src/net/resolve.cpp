#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/core.h>

#include "net/runtime.h"
#include "net/stream.h"

namespace strandline::net {
namespace {

using Resolver = asio::ip::tcp::resolver;

struct Lookup {
    explicit Lookup(const asio::any_io_executor& executor) : resolver(executor), done(executor) {}

    void take(boost::system::error_code failed, const Resolver::results_type& found) {
        if (failed) {
            error = failed.message();
        } else {
            for (const auto& entry : found) {
                endpoints.push_back(
                    {entry.endpoint().address().to_string(), entry.endpoint().port()});
            }
        }
        finished = true;
        done.notify();
    }

    Resolver resolver;
    Signal done;
    bool finished = false;
    std::string error = "no address";
    std::vector<Endpoint> endpoints;
};

}  // namespace

asio::awaitable<Result<std::vector<Endpoint>>> resolve(std::string host, std::uint16_t port,
                                                       Deadline deadline) {
    boost::system::error_code not_literal;
    const auto literal = asio::ip::make_address(host, not_literal);
    if (!not_literal) {
        std::vector<Endpoint> one(1);
        one[0].address = literal.to_string();
        one[0].port = port;
        co_return one;
    }
    // Shared with the look-up, which may end after this coroutine gave up.
    auto lookup = std::make_shared<Lookup>(co_await asio::this_coro::executor);
    lookup->resolver.async_resolve(
        host, std::to_string(port), Resolver::numeric_service,
        [lookup](boost::system::error_code failed, const Resolver::results_type& found) {
            lookup->take(failed, found);
        });
    if (!lookup->finished && !co_await lookup->done.wait(deadline)) {
        lookup->resolver.cancel();
        co_return fail(Errc::timeout, fmt::format("looking up {} took too long", host));
    }
    if (lookup->endpoints.empty()) {
        co_return fail(Errc::unavailable,
                       fmt::format("host name {} cannot be resolved: {}", host, lookup->error));
    }
    co_return std::move(lookup->endpoints);
}

}  // namespace strandline::net
