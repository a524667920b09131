#include "fleet/fleet_service.h"

#include <fmt/core.h>

#include "base/ids.h"
#include "base/utf8.h"
#include "fleet/cluster_store.h"
#include "fleet/desired_rows.h"
#include "fleet/device_rows.h"
#include "fleet/device_store.h"
#include "fleet/event_log.h"
#include "fleet/fleet_work.h"
#include "fleet/join_token_store.h"
#include "fleet/placement.h"
#include "registry/columns_json.h"

// Devices; deployments and reports have files of their own.
namespace strandline::fleet {
namespace {

using store::Transaction;

constexpr std::size_t name_limit = 128;
constexpr std::size_t arch_limit = 64;

Status check_request(const EnrolRequest& request) {
    if (request.name) TRY(check_name("name", *request.name));
    if (request.arch.size() > arch_limit) {
        return fail(Errc::invalid, fmt::format("arch: at most {} bytes", arch_limit));
    }
    return check_labels(request.labels);
}

Status device_event(FleetWork& work, std::string_view type, std::string_view device) {
    return EventLog::append(work.transaction, type,
                            registry::event_json({{"device", std::string(device)}}), work.now);
}

/// Another certificate for the same key. The first may never have arrived.
Result<Enrolled> enrol_again(FleetWork& work, const IssueCertificate& issue,
                             const std::string& id) {
    Enrolled enrolled;
    enrolled.device = id;
    TRY(enrolled.certificate, issue(id));
    TRY(insert_certificate(work.transaction, id, enrolled.certificate, work.now));
    return enrolled;
}

Result<Enrolled> enrol_device(FleetWork& work, const EnrolRequest& request,
                              const IssueCertificate& issue, const std::string& id) {
    if (request.key) {
        TRY(const auto known, find_joined(work.transaction, request.token, *request.key, work.now));
        if (known && request.name.value_or(*known) == *known)
            return enrol_again(work, issue, *known);
    }
    TRY(const auto token, JoinTokenStore::consume(work.transaction, request.token, work.now));
    NewDevice device{id, request.arch, request.labels, request.token.id, ""};
    if (request.key) device.join_key = request.key->hex();
    for (const auto& [key, value] : token.labels) device.labels[key] = value;
    TRY(check_labels(device.labels));
    TRY(insert_device(work.transaction, device, work.now));
    if (!token.cluster.empty()) {
        TRY(ClusterStore::require(work.transaction, token.cluster));
        TRY(ClusterStore::add_member(work.transaction, token.cluster, id));
    }
    Enrolled enrolled;
    enrolled.device = id;
    TRY(enrolled.certificate, issue(id));
    TRY(insert_certificate(work.transaction, id, enrolled.certificate, work.now));
    TRY(device_event(work, "device.enrolled", id));
    TRY(assign_standing(work, id));
    TRY(enrolled.changed, work.finish());
    return enrolled;
}

Status change_device(FleetWork& work, std::string_view device, const DeviceChange& change) {
    TRY(DeviceStore::require(work.transaction, device));
    if (change.name) TRY(rename_device(work.transaction, device, *change.name));
    if (!change.labels) return {};
    TRY(replace_labels(work.transaction, device, *change.labels));
    return assign_standing(work, device);
}

Status retire(FleetWork& work, std::string_view device) {
    TRY(DeviceStore::require(work.transaction, device));
    TRY(cancel_rows_of(work.transaction, device, work.totals, work.now));
    TRY(retire_device(work.transaction, device, work.now));
    TRY(work.totals.flush(work.transaction, work.now));
    return device_event(work, "device.revoked", device);
}

}  // namespace

FleetService::FleetService(store::Database& database, const Clock& clock,
                           registry::Signer sign_desired, Random& random)
    : database_(&database), clock_(&clock), sign_(std::move(sign_desired)), random_(&random) {}

Result<Enrolled> FleetService::enrol(const EnrolRequest& request, const IssueCertificate& issue) {
    TRY(check_request(request));
    const std::string id = request.name ? *request.name : make_id("d", *random_);
    return database_->write<Enrolled>([&](Transaction& t) -> Result<Enrolled> {
        FleetWork work{t, clock_->wall(), sign_};
        return enrol_device(work, request, issue, id);
    });
}

Result<ChangedDevices> FleetService::update_device(std::string_view device,
                                                   const DeviceChange& change) {
    const auto fits = [](const std::string& name) {
        return !name.empty() && name.size() <= name_limit && is_plain_text(name);
    };
    if (change.name && !fits(*change.name)) {
        return fail(Errc::invalid,
                    fmt::format("name: 1 to {} bytes without control characters", name_limit));
    }
    if (change.labels) TRY(check_labels(*change.labels));
    return database_->write<ChangedDevices>([&](Transaction& t) -> Result<ChangedDevices> {
        FleetWork work{t, clock_->wall(), sign_};
        TRY(change_device(work, device, change));
        return work.finish();
    });
}

Result<ChangedDevices> FleetService::join_cluster(std::string_view cluster,
                                                  std::string_view device) {
    return database_->write<ChangedDevices>([&](Transaction& t) -> Result<ChangedDevices> {
        FleetWork work{t, clock_->wall(), sign_};
        TRY(ClusterStore::require(t, cluster));
        TRY(DeviceStore::require(t, device));
        TRY(const bool added, ClusterStore::add_member(t, cluster, device));
        if (added) TRY(assign_standing(work, device));
        return work.finish();
    });
}

Result<ChangedDevices> FleetService::leave_cluster(std::string_view cluster,
                                                   std::string_view device) {
    return database_->write<ChangedDevices>([&](Transaction& t) -> Result<ChangedDevices> {
        FleetWork work{t, clock_->wall(), sign_};
        TRY(ClusterStore::require(t, cluster));
        TRY(const bool removed, ClusterStore::remove_member(t, cluster, device));
        if (!removed) {
            return fail(Errc::not_found, fmt::format("device {} is not a member of cluster {}",
                                                     device.substr(0, 64), cluster));
        }
        TRY(assign_standing(work, device));
        return work.finish();
    });
}

Status FleetService::revoke_device(std::string_view device) {
    return database_->write<void>([&](Transaction& t) -> Status {
        FleetWork work{t, clock_->wall(), sign_};
        return retire(work, device);
    });
}

Status FleetService::remove_device(std::string_view device) {
    return database_->write<void>([&](Transaction& t) -> Status {
        FleetWork work{t, clock_->wall(), sign_};
        TRY(retire(work, device));
        return delete_device(t, device);
    });
}

Result<ChangedDevices> FleetService::clear_slot(const Selector& to, std::string_view slot) {
    TRY(const auto selector, check_selector(to));
    return database_->write<ChangedDevices>([&](Transaction& t) -> Result<ChangedDevices> {
        FleetWork work{t, clock_->wall(), sign_};
        for (const auto& part : split(selector)) {
            TRY(const auto devices, empty_slot(t, slot, members_of(part), work.totals, work.now));
            work.touched.insert(devices.begin(), devices.end());
        }
        return work.finish();
    });
}

Result<ChangedDevices> FleetService::sign_again(std::string_view after, std::size_t limit) {
    return database_->write<ChangedDevices>([&](Transaction& t) -> Result<ChangedDevices> {
        TRY(const auto devices, devices_with_desired(t, after, limit));
        return refresh_desired(t, devices, sign_, clock_->wall(), Refresh::all);
    });
}

Status FleetService::raise_generations(std::int64_t floor) {
    return database_->write<void>(
        [&](Transaction& t) -> Status { return raise_generation_floor(t, floor); });
}

}  // namespace strandline::fleet
