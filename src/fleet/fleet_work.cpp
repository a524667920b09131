#include "fleet/fleet_work.h"

#include "base/ids.h"
#include "fleet/assignment.h"
#include "fleet/delta_plan.h"
#include "fleet/deployment_rows.h"
#include "fleet/desired_rows.h"
#include "fleet/device_store.h"
#include "fleet/event_log.h"
#include "fleet/placement.h"
#include "registry/columns_json.h"
#include "registry/delta_job_store.h"
#include "registry/release_store.h"

namespace strandline::fleet {
namespace {

// One order must not fill the queue of a small hub for days: the bases of most devices come first.
constexpr std::size_t max_deltas_per_order = 1000;

}  // namespace

Result<std::vector<std::string>> FleetWork::finish() {
    TRY(totals.flush(transaction, now));
    const std::vector<std::string> devices(touched.begin(), touched.end());
    return refresh_desired(transaction, devices, sign, now);
}

Status start_deployment(FleetWork& work, Deployment& deployment) {
    deployment.id = make_id("p");
    deployment.created = work.now;
    deployment.state = DeploymentState::running;
    TRY(insert_deployment(work.transaction, deployment));
    TRY(retire_predecessors(work.transaction, deployment));
    TRY(EventLog::append(work.transaction, "deployment.created",
                         registry::event_json({{"deployment", deployment.id},
                                               {"package", deployment.package},
                                               {"version", deployment.version},
                                               {"variant", deployment.variant},
                                               {"slot", deployment.slot}}),
                         work.now));
    for (const auto& part : split(deployment.to)) {
        const Members members = members_of(part);
        TRY(const auto devices,
            place(work.transaction, deployment, members, work.totals, work.now));
        work.touched.insert(devices.begin(), devices.end());
        if (devices.empty()) continue;
        TRY(want_deltas(work, deployment.release, deployment.slot, members));
    }
    return {};
}

Status assign_standing(FleetWork& work, std::string_view device) {
    TRY(const auto traits, DeviceStore::traits(work.transaction, device));
    TRY(const auto standing, standing_deployments(work.transaction));
    TRY(const auto current, current_slots(work.transaction, device));
    std::vector<Candidate> candidates;
    candidates.reserve(standing.size());
    for (const auto& deployment : standing) {
        candidates.push_back({deployment.id, deployment.sequence, deployment.slot, deployment.to});
    }
    const Members members = only(traits.device);
    for (const auto& chosen : choose_assignments(traits, candidates, current)) {
        TRY(const auto deployment, get_deployment(work.transaction, chosen.deployment));
        TRY(const auto devices,
            place(work.transaction, deployment, members, work.totals, work.now));
        if (devices.empty()) continue;
        work.touched.insert(traits.device);
        TRY(want_deltas(work, deployment.release, deployment.slot, members));
    }
    return {};
}

Status want_deltas(FleetWork& work, std::string_view release, std::string_view slot,
                   const Members& members) {
    TRY(const auto target, registry::ReleaseStore::get(work.transaction, release));
    TRY(const auto known, known_files(work.transaction, slot, target.triple.package, members));
    const auto pairs = plan_deltas(target, known, max_deltas_per_order);
    TRY(registry::DeltaJobStore::enqueue(work.transaction, pairs, work.now));
    return {};
}

}  // namespace strandline::fleet
