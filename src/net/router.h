#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_message.h"

namespace strandline::net {

/// Answers one request on the I/O thread. The request lives until the coroutine ends.
using Handler = std::function<boost::asio::awaitable<Result<Response>>(Request&)>;
/// The same on a pool thread, for handlers that touch SQL or files; the body is already there.
using BlockingHandler = std::function<Result<Response>(Request&)>;

/// Answers on the I/O thread when that takes no waiting; nothing sends the request on to the
/// BlockingHandler of the same route.
using QuickHandler = std::function<std::optional<Result<Response>>(const Request&)>;

struct RouteOptions {
    std::uint64_t max_body_bytes = 64 * 1024;
    /// From the end of the header to the start of the answer; streaming bodies have their own
    /// idle limit instead.
    std::chrono::milliseconds deadline{30'000};
    /// The handler reads `request.stream` itself.
    bool streaming_body = false;
    /// Asked once the head is there and before a body of more than a few KiB is collected; its
    /// error is the answer. So memory is spent on nobody who may not call the route anyway.
    std::function<boost::asio::awaitable<Status>(const Request&)> before_body = {};
};

/// Maps method and path to a handler. Patterns are literal parts, `{name}` (one part) and, last,
/// `{name...}` (the rest). A literal part wins over a parameter. Filled before the server starts,
/// immutable afterwards.
class Router {
public:
    struct Route {
        Method method;
        std::string pattern;
        RouteOptions options;
        Handler handler;
        BlockingHandler blocking;
        QuickHandler quick;
        struct Part {
            enum class Kind { literal, parameter, rest };
            Kind kind = Kind::literal;
            std::string text;  ///< the part itself, or the parameter's name
        };
        std::vector<Part> parts;
    };
    struct Match {
        const Route* route = nullptr;
        std::vector<std::pair<std::string, std::string>> params;
    };

    void add(Method method, std::string_view pattern, Handler handler, RouteOptions options = {});
    void add_blocking(Method method, std::string_view pattern, BlockingHandler handler,
                      RouteOptions options = {}, QuickHandler quick = {});

    /// `not_found`, or `invalid` (answered as 405 with Allow) when only the method differs.
    /// HEAD falls back to GET.
    [[nodiscard]] Result<Match> find(Method method, std::string_view path) const;
    /// Methods that the path has, for Allow.
    [[nodiscard]] std::vector<Method> allowed(std::string_view path) const;
    [[nodiscard]] const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }

private:
    void keep(Route route);
    [[nodiscard]] const Route* find_literal(Method method, std::string_view path) const;

    std::vector<std::unique_ptr<Route>> routes_;
    /// Those without parameters by their path, which most requests need no search for.
    std::map<std::string, std::vector<const Route*>, std::less<>> literal_;
};

}  // namespace strandline::net
