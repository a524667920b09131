#include "hub/api/deltas_api.h"

#include <array>

#include "hub/api/api_json.h"
#include "hub/jobs/delta_news.h"
#include "hub/transfer/downloads.h"

namespace strandline::hub {
namespace {

namespace json = boost::json;
using net::Request;
using net::Response;
using registry::DeltaState;

constexpr int accepted = 202;

json::array shares_value(const registry::DeltaJob& job) {
    json::array out;
    for (const auto& share : job.shares) {
        out.push_back(json::object{{"coding", share.coding},
                                   {"new_bytes", number(share.new_bytes)},
                                   {"delta_bytes", number(share.delta_bytes)}});
    }
    return out;
}

json::object job_value(const registry::DeltaJob& job) {
    return {{"base", job.pair.base.hex()},
            {"target", job.pair.target.hex()},
            {"state", registry::to_string(job.state)},
            {"size", number(job.delta_size)},
            {"full_size", number(job.full_size)},
            {"build_ms", job.build_ms},
            {"shares", shares_value(job)},
            {"attempts", job.attempts},
            {"error", text_or_null(job.error)},
            {"created", time_value(job.created)}};
}

// How long a request is kept while its delta is built: the answer comes at once then, and nobody
// has to ask again and again.
constexpr std::chrono::seconds longest_hold{10};

// A build runs at tens of megabytes a second.
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

bool is_pending(const registry::DeltaJob& job) {
    return job.state == DeltaState::queued || job.state == DeltaState::running;
}

bool is_lost(const Services& services, const registry::DeltaJob& job) {
    return job.state == DeltaState::built && (!job.delta || !services.blobs.contains(*job.delta));
}

// Queues a pair that is new, whose delta was lost, or that failed long ago; none when a side is no
// file of a release. Worker thread.
Result<std::optional<registry::DeltaJob>> queue_job(Services& services,
                                                    const registry::DeltaPair& pair, bool lost) {
    auto& jobs = services.domain.delta_jobs;
    if (lost) TRY(jobs.forget(pair));
    const std::array pairs{pair};
    TRY(const auto queued, jobs.enqueue(pairs));
    if (queued > 0) services.signals.deltas_wanted();
    return jobs.find(pair);
}

// Those who only look may not give the hub work: each pair costs a build and a row.
bool may_queue(const Caller& caller) {
    return caller.is_device() || caller.role >= fleet::Role::operator_;
}

// What a caller may know of a pair, asked for on the way. Worker thread.
Result<registry::DeltaJob> find_job(Services& services, const registry::DeltaPair& pair,
                                    const Caller& caller) {
    if (caller.is_device()) {
        TRY(const auto allowed, services.domain.desired.may_read_blob(caller.name, pair.target));
        if (!allowed) return no_delta();
    }
    TRY(auto job, services.domain.delta_jobs.find(pair));
    const bool lost = job && is_lost(services, *job);
    if (!job || lost || job->state == DeltaState::failed) {
        if (!may_queue(caller)) return no_delta();
        TRY(job, queue_job(services, pair, lost));
    }
    if (!job) return no_delta();
    return *std::move(job);
}

net::Task<Response> get_delta(Services& services, const Request& request,
                              std::shared_ptr<Caller> caller) {
    registry::DeltaPair pair;
    CO_TRY(pair.base, Sha256Digest::from_hex(request.param("base")));
    CO_TRY(pair.target, Sha256Digest::from_hex(request.param("target")));
    const auto watch = services.delta_news.watch(pair);
    std::function<Result<registry::DeltaJob>()> find = [&services, pair, caller] {
        return find_job(services, pair, *caller);
    };
    CO_TRY(auto job, co_await services.runtime.offload<registry::DeltaJob>(std::move(find)));
    if (is_pending(job)) {
        auto finished = co_await watch->wait(Deadline::after(longest_hold));
        if (!finished) co_return wait_answer(job);
        job = *std::move(finished);
    }
    if (!job.delta) co_return no_delta();
    auto response = co_await send_blob(services, request, *job.delta, caller->actor());
    if (response) response->headers.set("Strandline-Delta-Size", std::to_string(job.delta_size));
    co_return response;
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
    routes.add_stream({.pattern = "/v1/deltas/{base}/{target}", .access = Access::device_or_viewer},
                      [&services](Request& request, std::shared_ptr<Caller> caller) {
                          return get_delta(services, request, std::move(caller));
                      });
}

}  // namespace strandline::hub
