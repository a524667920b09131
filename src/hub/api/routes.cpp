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

// Who may call, and where that is written down.
struct Guard {
    const Authenticator* authenticator;
    fleet::AuditLog* audit;
    Access access;
    std::string action;

    // Blocks on the database. Somebody known who reaches too far is written down; strangers are
    // not, since anybody could fill the audit log with them.
    [[nodiscard]] Result<Caller> admit(const Credentials& credentials,
                                       const std::string& path) const {
        TRY(auto caller, authenticator->identify(credentials, access));
        caller.object = path;
        const auto permitted = Authenticator::permit(caller, access);
        if (!permitted) note(caller, permitted);
        TRY(permitted);
        return caller;
    }

    // Blocks on the database. Of a stranger only what succeeded is written down.
    void note(const Caller& caller, const Status& outcome) const {
        const bool stranger = caller.kind == Caller::Kind::nobody;
        if (action.empty() || (stranger && !outcome)) return;
        record(*audit, caller, action, outcome);
    }
};

struct StreamRoute {
    net::Runtime* runtime;
    Guard guard;
    StreamHandler handler;
};

// Asks the database only about those whom memory does not know, and to write a refusal down.
// `guard` is owned by the router, which outlives every request.
net::Task<Caller> admit(net::Runtime& runtime, const Guard& guard, const net::Request& request) {
    auto credentials = Credentials::of(request);
    auto known = guard.authenticator->recall(credentials, guard.access);
    if (known && *known) {
        (*known)->object = request.path;
        co_return **std::move(known);
    }
    std::function<Result<Caller>()> work = [&guard, credentials = std::move(credentials),
                                            path = request.path] {
        return guard.admit(credentials, path);
    };
    co_return co_await runtime.offload<Caller>(std::move(work));
}

// Before a large body is collected.
net::Task<void> ask_guard(net::Runtime& runtime, const Guard& guard, const net::Request& request) {
    CO_TRY(co_await admit(runtime, guard, request));
    co_return Status{};
}

// `route` is owned by the router, which outlives every request.
net::Task<net::Response> run_stream(const StreamRoute& route, net::Request& request) {
    const auto* guard = &route.guard;
    CO_TRY(auto identity, co_await admit(*route.runtime, *guard, request));
    auto caller = std::make_shared<Caller>(std::move(identity));
    auto answer = co_await route.handler(request, caller);
    if (guard->action.empty()) co_return answer;
    std::function<Result<bool>()> note = [guard, caller,
                                          outcome = outcome_of(answer)]() -> Result<bool> {
        guard->note(*caller, outcome);
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

void Routes::add(const RouteRule& rule, CallHandler handler, QuickHandler quick) {
    STRANDLINE_ASSERT(!quick || rule.action.empty());
    // Shared by the closures of one route.
    auto guard = std::make_shared<const Guard>(
        Guard{authenticator_, audit_, rule.access, std::string(rule.action)});
    auto guarded = [guard,
                    handler = std::move(handler)](net::Request& request) -> Result<net::Response> {
        TRY(auto caller, guard->admit(Credentials::of(request), request.path));
        auto answer = handler(request, caller);
        guard->note(caller, outcome_of(answer));
        return answer;
    };
    auto options = rule.options;
    if (rule.access != Access::open) {
        options.before_body = [guard, runtime = runtime_](const net::Request& request) {
            return ask_guard(*runtime, *guard, request);
        };
    }
    net::QuickHandler at_once;
    if (quick) {
        at_once = [guard, quick = std::move(quick)](
                      const net::Request& request) -> std::optional<Result<net::Response>> {
            const auto caller =
                guard->authenticator->recall(Credentials::of(request), guard->access);
            if (!caller) return std::nullopt;
            if (!*caller) return caller->error();
            return quick(request, **caller);
        };
    }
    router_->add_blocking(rule.method, rule.pattern, std::move(guarded), std::move(options),
                          std::move(at_once));
}

void Routes::add_stream(const RouteRule& rule, StreamHandler handler) {
    // Shared with the router's closure only; a coroutine borrows it for one request.
    auto route = std::make_shared<StreamRoute>(
        StreamRoute{.runtime = runtime_,
                    .guard = {authenticator_, audit_, rule.access, std::string(rule.action)},
                    .handler = std::move(handler)});
    router_->add(
        rule.method, rule.pattern,
        [route = std::move(route)](net::Request& request) { return run_stream(*route, request); },
        rule.options);
}

}  // namespace strandline::hub
