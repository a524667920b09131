#include "hub/api/routes.h"

#include <utility>

#include "base/log.h"

namespace strandline::hub {
namespace {

Status outcome_of(const Result<net::Response>& answer) {
    if (!answer) return answer.error();
    constexpr int first_error_status = 400;
    if (answer->status < first_error_status) return {};
    return fail(errc_from_http_status(answer->status), "");
}

struct StreamRoute {
    net::Runtime* runtime;
    const Authenticator* authenticator;
    fleet::AuditLog* audit;
    Access access;
    std::string action;
    StreamHandler handler;
};

// `route` is owned by the router, which outlives every request.
net::Task<net::Response> run_stream(const StreamRoute& route, net::Request& request) {
    const auto credentials = Credentials::of(request);
    const auto* authenticator = route.authenticator;
    std::function<Result<Caller>()> work = [authenticator, credentials, access = route.access] {
        return authenticator->authorize(credentials, access);
    };
    CO_TRY(auto identity, co_await route.runtime->offload<Caller>(std::move(work)));
    auto caller = std::make_shared<Caller>(std::move(identity));
    caller->object = request.path;
    auto answer = co_await route.handler(request, caller);
    if (route.action.empty()) co_return answer;
    std::function<Result<bool>()> note = [audit = route.audit, caller, action = route.action,
                                          outcome = outcome_of(answer)]() -> Result<bool> {
        record(*audit, *caller, action, outcome);
        return true;
    };
    ignore(co_await route.runtime->offload<bool>(std::move(note)), "logged by record()");
    co_return answer;
}

}  // namespace

void record(fleet::AuditLog& audit, const Caller& caller, std::string_view action,
            const Status& outcome) {
    fleet::AuditEntry entry;
    entry.actor = caller.actor();
    entry.action = action;
    entry.object = caller.object;
    entry.outcome = outcome ? "ok" : std::string(info(outcome.error().code).name);
    entry.address = caller.address;
    const auto written = audit.append(entry);
    if (!written) {
        log_error("audit entry lost action={} actor={} error={}", action, entry.actor,
                  written.error().message);
    }
}

void Routes::add(const RouteRule& rule, CallHandler handler) {
    auto guarded = [authenticator = authenticator_, audit = audit_, access = rule.access,
                    action = std::string(rule.action),
                    handler = std::move(handler)](net::Request& request) -> Result<net::Response> {
        TRY(auto caller, authenticator->authorize(Credentials::of(request), access));
        caller.object = request.path;
        auto answer = handler(request, caller);
        if (!action.empty()) record(*audit, caller, action, outcome_of(answer));
        return answer;
    };
    router_->add_blocking(rule.method, rule.pattern, std::move(guarded), rule.options);
}

void Routes::add_stream(const RouteRule& rule, StreamHandler handler) {
    // Shared with the router's closure only; a coroutine borrows it for one request.
    auto route = std::make_shared<StreamRoute>(StreamRoute{.runtime = runtime_,
                                                           .authenticator = authenticator_,
                                                           .audit = audit_,
                                                           .access = rule.access,
                                                           .action = std::string(rule.action),
                                                           .handler = std::move(handler)});
    router_->add(
        rule.method, rule.pattern,
        [route = std::move(route)](net::Request& request) { return run_stream(*route, request); },
        rule.options);
}

}  // namespace strandline::hub
