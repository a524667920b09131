#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fleet/audit_log.h"
#include "hub/api/auth.h"
#include "net/router.h"
#include "net/runtime.h"

namespace strandline::hub {

/// Answers on a worker thread.
using CallHandler = std::function<Result<net::Response>(net::Request&, Caller&)>;
/// Answers on the I/O thread from memory alone, or not at all: then the CallHandler is asked. Must
/// never wait, neither for the database nor for the disk.
using QuickHandler =
    std::function<std::optional<Result<net::Response>>(const net::Request&, const Caller&)>;
/// Answers on the I/O thread. The request lives until the coroutine ends.
using StreamHandler =
    std::function<net::Task<net::Response>(net::Request&, std::shared_ptr<Caller>)>;

/// One route: who may call it, and the audit action, empty for calls that change nothing.
struct RouteRule {
    net::Method method = net::Method::get;
    std::string_view pattern;
    Access access = Access::viewer;
    std::string_view action = {};
    net::RouteOptions options = {};
};

/// Fills a router with handlers behind authentication, authorization and audit.
class Routes {
public:
    Routes(net::Router& router, net::Runtime& runtime, const Authenticator& authenticator,
           fleet::AuditLog& audit)
        : router_(&router), runtime_(&runtime), authenticator_(&authenticator), audit_(&audit) {}

    /// With `quick`, which is only for rules without an action, requests of known callers are
    /// answered without a worker thread where they can be.
    void add(const RouteRule& rule, CallHandler handler, QuickHandler quick = {});
    /// For bodies that stream in or out.
    void add_stream(const RouteRule& rule, StreamHandler handler);

    [[nodiscard]] net::Router& router() { return *router_; }
    [[nodiscard]] const Authenticator& authenticator() const { return *authenticator_; }

private:
    net::Router* router_;
    net::Runtime* runtime_;
    const Authenticator* authenticator_;
    fleet::AuditLog* audit_;
};

/// Writes an audit entry; a failure is logged, since the act itself is done.
void record(fleet::AuditLog& audit, const Caller& caller, std::string_view action,
            const Status& outcome);

}  // namespace strandline::hub
