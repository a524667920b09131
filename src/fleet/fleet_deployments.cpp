#include <algorithm>
#include <fmt/core.h>
#include <map>

#include "base/ids.h"
#include "fleet/cluster_store.h"
#include "fleet/deployment_rows.h"
#include "fleet/device_store.h"
#include "fleet/event_log.h"
#include "fleet/fleet_service.h"
#include "fleet/fleet_work.h"
#include "fleet/placement.h"
#include "fleet/release_use.h"
#include "registry/channel_store.h"
#include "registry/columns_json.h"
#include "registry/release_store.h"

namespace strandline::fleet {
namespace {

using registry::Release;
using store::Transaction;

// A selector names at most as many devices; larger groups become several deployments.
constexpr std::size_t devices_per_deployment = 10'000;

Result<Release> find_release(Transaction& transaction, const DeploymentRequest& request) {
    if (request.version.has_value() == request.channel.has_value()) {
        return fail(Errc::invalid, "deployment: name either a version or a channel");
    }
    if (request.version) {
        TRY(const auto triple, registry::check_triple({request.package, *request.version,
                                                       request.variant.value_or("default")}));
        return registry::ReleaseStore::get(transaction, to_string(triple));
    }
    TRY(const auto channel,
        registry::ChannelStore::get(transaction, request.package, *request.channel));
    if (request.variant && *request.variant != channel.triple.variant) {
        return fail(
            Errc::conflict,
            fmt::format("channel {} points to variant {}, not to {}; leave the variant out or "
                        "name a version",
                        *request.channel, channel.triple.variant, *request.variant));
    }
    return registry::ReleaseStore::get(transaction, channel.release);
}

// A misspelt name must not become an order that nobody ever gets.
Status check_target(Transaction& transaction, const Selector& to) {
    if (to.kind == SelectorKind::cluster) return ClusterStore::require(transaction, to.cluster);
    if (to.kind != SelectorKind::devices) return {};
    TRY(const auto found, DeviceStore::select(transaction, to));
    for (const auto& device : to.devices) {
        if (!std::binary_search(found.begin(), found.end(), device)) {
            return fail(Errc::not_found, fmt::format("device {} is unknown or revoked", device));
        }
    }
    return {};
}

void set_release(Deployment& deployment, const Release& release) {
    deployment.package = release.triple.package;
    deployment.version = release.triple.version;
    deployment.variant = release.triple.variant;
    deployment.release = release.id;
    deployment.manifest = release.manifest;
}

Deployment draft(const DeploymentRequest& request, const Selector& to, const Release& release) {
    Deployment deployment;
    set_release(deployment, release);
    deployment.slot = request.slot.value_or(request.package);
    deployment.channel = request.channel.value_or("");
    deployment.follow = request.channel && request.follow.value_or(true);
    deployment.standing = to.kind != SelectorKind::devices;
    deployment.to = to;
    deployment.policy = request.policy;
    deployment.created_by = request.created_by;
    return deployment;
}

// The deployments that give devices of `undone` back what they had from `before`.
Status roll_back_to(FleetWork& work, const Deployment& undone, const Deployment& before,
                    std::vector<std::string> devices, std::vector<std::string>& made) {
    if (before.release.empty()) {
        return fail(
            Errc::conflict,
            fmt::format("deployment {}: release {}@{}:{} that it replaced was deleted; deploy "
                        "another one instead",
                        undone.id, before.package, before.version, before.variant));
    }
    // By bytes, as check_selector() leaves a list, whatever the database's collation.
    std::sort(devices.begin(), devices.end());
    for (std::size_t start = 0; start < devices.size(); start += devices_per_deployment) {
        const auto end = std::min(devices.size(), start + devices_per_deployment);
        Deployment deployment = before;
        deployment.channel.clear();
        deployment.follow = false;
        deployment.standing = false;
        deployment.policy.spread = std::chrono::milliseconds{0};
        deployment.rollback_of = undone.id;
        deployment.created_by = undone.created_by;
        deployment.to = {};
        deployment.to.devices.assign(devices.begin() + static_cast<std::ptrdiff_t>(start),
                                     devices.begin() + static_cast<std::ptrdiff_t>(end));
        TRY(start_deployment(work, deployment));
        made.push_back(deployment.id);
    }
    return {};
}

Result<std::vector<std::string>> roll_back(FleetWork& work, const Deployment& undone) {
    TRY(const auto held, held_by(work.transaction, undone.id));
    if (held.empty()) {
        return fail(Errc::conflict,
                    fmt::format("deployment {}: no device holds it any more, there is nothing to "
                                "return",
                                undone.id));
    }
    TRY(end_standing(work.transaction, undone.id));
    std::map<std::string, std::vector<std::string>> groups;
    for (const auto& item : held) {
        if (!item.before.empty()) {
            groups[item.before].push_back(item.device);
            continue;
        }
        TRY(hand_back(work.transaction, undone, item, work.totals, work.now));
        work.touched.insert(item.device);
    }
    std::vector<std::string> made;
    for (auto& [id, devices] : groups) {
        TRY(const auto before, get_deployment(work.transaction, id));
        TRY(roll_back_to(work, undone, before, std::move(devices), made));
    }
    TRY(skip_as_before(work.transaction, undone.id));
    return made;
}

Status call_off(FleetWork& work, const Deployment& deployment) {
    const bool running = deployment.state == DeploymentState::running;
    if (!running && !deployment.standing && !deployment.follow) {
        return fail(Errc::conflict, fmt::format("deployment {} is over: {}", deployment.id,
                                                to_string(deployment.state)));
    }
    TRY(end_standing(work.transaction, deployment.id));
    if (!running) return skip_as_before(work.transaction, deployment.id);
    TRY(const auto held, held_by(work.transaction, deployment.id));
    for (const auto& item : held) {
        if (is_final(item.state)) continue;
        TRY(hand_back(work.transaction, deployment, item, work.totals, work.now));
        work.touched.insert(item.device);
    }
    TRY(skip_as_before(work.transaction, deployment.id));
    TRY(set_deployment_state(work.transaction, deployment.id, DeploymentState::cancelled));
    return EventLog::append(
        work.transaction, "deployment.finished",
        registry::event_json({{"deployment", deployment.id}, {"state", "cancelled"}}), work.now);
}

Result<std::vector<std::string>> follow_channel(FleetWork& work, std::string_view package,
                                                std::string_view channel, std::string_view by) {
    TRY(const auto moved, registry::ChannelStore::get(work.transaction, package, channel));
    TRY(const auto release, registry::ReleaseStore::get(work.transaction, moved.release));
    TRY(auto following, followers(work.transaction, package, channel));
    std::vector<std::string> made;
    for (auto& deployment : following) {
        if (deployment.release == release.id) continue;
        set_release(deployment, release);
        deployment.created_by = by;
        deployment.rollback_of.clear();
        TRY(start_deployment(work, deployment));
        made.push_back(deployment.id);
    }
    return made;
}

Result<DeployedMany> gather(FleetWork& work, const std::vector<std::string>& ids) {
    DeployedMany out;
    TRY(out.changed, work.finish());
    for (const auto& id : ids) {
        TRY(auto deployment, get_deployment(work.transaction, id));
        out.deployments.push_back(std::move(deployment));
    }
    return out;
}

}  // namespace

Result<Deployed> FleetService::deploy(const DeploymentRequest& request) {
    TRY(const auto to, check_selector(request.to));
    if (request.slot) TRY(check_name("slot", *request.slot));
    TRY(check_policy(request.policy));
    return database_->write<Deployed>([&](Transaction& t) -> Result<Deployed> {
        FleetWork work{t, clock_->wall(), sign_};
        TRY(const auto release, find_release(t, request));
        TRY(check_target(t, to));
        auto deployment = draft(request, to, release);
        TRY(start_deployment(work, deployment));
        Deployed out;
        TRY(out.changed, work.finish());
        TRY(out.deployment, get_deployment(t, deployment.id));
        return out;
    });
}

Result<DeployedMany> FleetService::rollback(std::string_view deployment, std::string_view by) {
    return database_->write<DeployedMany>([&](Transaction& t) -> Result<DeployedMany> {
        FleetWork work{t, clock_->wall(), sign_};
        TRY(auto undone, get_deployment(t, deployment));
        undone.created_by = by;
        TRY(const auto made, roll_back(work, undone));
        return gather(work, made);
    });
}

Result<Deployed> FleetService::cancel(std::string_view deployment, std::string_view by) {
    return database_->write<Deployed>([&](Transaction& t) -> Result<Deployed> {
        FleetWork work{t, clock_->wall(), sign_};
        TRY(const auto cancelled, get_deployment(t, deployment));
        TRY(call_off(work, cancelled));
        Deployed out;
        TRY(out.changed, work.finish());
        TRY(out.deployment, get_deployment(t, deployment));
        static_cast<void>(by);  // who did it is in the audit log
        return out;
    });
}

Result<DeployedMany> FleetService::on_channel_moved(std::string_view package,
                                                    std::string_view channel, std::string_view by) {
    return database_->write<DeployedMany>([&](Transaction& t) -> Result<DeployedMany> {
        FleetWork work{t, clock_->wall(), sign_};
        TRY(const auto made, follow_channel(work, package, channel, by));
        return gather(work, made);
    });
}

Status FleetService::remove_release(std::string_view id_or_triple) {
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(const auto release, registry::ReleaseStore::get(t, id_or_triple));
        TRY(const auto user, release_user(t, release.id));
        if (user) {
            return fail(Errc::conflict,
                        fmt::format("release {} is in use: {}", to_string(release.triple), *user));
        }
        return registry::ReleaseStore::remove(t, release);
    });
}

}  // namespace strandline::fleet
