#include "hub/api/deltas_api.h"

#include <array>

#include "hub/api/api_json.h"
#include "hub/transfer/downloads.h"

namespace strandline::hub {
namespace {

namespace json = boost::json;
using net::Request;
using net::Response;
using registry::DeltaState;

constexpr int accepted = 202;

json::object job_value(const registry::DeltaJob& job) {
    return {{"base", job.pair.base.hex()},
            {"target", job.pair.target.hex()},
            {"state", registry::to_string(job.state)},
            {"size", number(job.delta_size)},
            {"full_size", number(job.full_size)},
            {"build_ms", job.build_ms},
            {"attempts", job.attempts},
            {"error", text_or_null(job.error)},
            {"created", time_value(job.created)}};
}

// A build runs at tens of megabytes a second; asking more often than once a second is no use.
Response wait_answer(const registry::DeltaJob& job) {
    constexpr std::uint64_t bytes_per_second = std::uint64_t{32} << 20;
    constexpr std::uint64_t longest_s = 30;
    const auto seconds = std::min(longest_s, 1 + job.full_size / bytes_per_second);
    auto response = json_answer(accepted, json::object{{"state", registry::to_string(job.state)}});
    response.headers.set("Retry-After", std::to_string(seconds));
    response.headers.set("Cache-Control", "no-store");
    return response;
}

Error no_delta() {
    return fail(Errc::not_found, "there is no delta for this pair: fetch the full file");
}

// The job of a pair, queued on the way when it is new; none when a side is no file of a release.
Result<std::optional<registry::DeltaJob>> job_of(Services& services,
                                                 const registry::DeltaPair& pair) {
    auto& jobs = services.domain.delta_jobs;
    TRY(auto job, jobs.find(pair));
    if (job) return job;
    const std::array pairs{pair};
    TRY(const auto queued, jobs.enqueue(pairs));
    if (queued > 0) services.signals.deltas_wanted();
    return jobs.find(pair);
}

Result<Response> send_delta(Services& services, const Request& request,
                            const registry::DeltaJob& job) {
    if (!job.delta || !services.blobs.contains(*job.delta)) {
        // Built once, and lost since: build it again.
        TRY(services.domain.delta_jobs.forget(job.pair));
        TRY(const auto again, job_of(services, job.pair));
        if (!again) return no_delta();
        return wait_answer(*again);
    }
    TRY(auto response, send_blob(services, request, *job.delta));
    response.headers.set("Strandline-Delta-Size", std::to_string(job.delta_size));
    return response;
}

Result<Response> get_delta(Services& services, const Request& request, const Caller& caller) {
    registry::DeltaPair pair;
    TRY(pair.base, Sha256Digest::from_hex(request.param("base")));
    TRY(pair.target, Sha256Digest::from_hex(request.param("target")));
    if (caller.is_device()) {
        TRY(const auto allowed, services.domain.desired.may_read_blob(caller.name, pair.target));
        if (!allowed) return no_delta();
    }
    TRY(const auto job, job_of(services, pair));
    if (!job) return no_delta();
    switch (job->state) {
        case DeltaState::built:
            return send_delta(services, request, *job);
        case DeltaState::queued:
        case DeltaState::running:
            return wait_answer(*job);
        case DeltaState::not_worth:
        case DeltaState::failed:
            break;
    }
    return no_delta();
}

Result<Response> list(Services& services, const Request& request) {
    TRY(const auto page, page_of(request));
    std::optional<DeltaState> state;
    if (const auto name = request.query_value("state")) {
        TRY(state, registry::delta_state_from(*name));
    }
    TRY(const auto jobs, services.domain.delta_jobs.list(state, page));
    return page_answer(jobs, job_value);
}

}  // namespace

void add_delta_routes(Routes& routes, Services& services) {
    routes.add({.pattern = "/v1/deltas"},
               [&services](Request& request, Caller&) { return list(services, request); });
    routes.add({.pattern = "/v1/deltas/{base}/{target}", .access = Access::device_or_viewer},
               [&services](Request& request, Caller& caller) {
                   return get_delta(services, request, caller);
               });
}

}  // namespace strandline::hub
