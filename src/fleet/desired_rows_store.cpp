#include <algorithm>
#include <fmt/core.h>
#include <map>
#include <unordered_map>

#include "fleet/deployment.h"
#include "fleet/desired_rows.h"
#include "registry/statement.h"
#include "trust/desired_state.h"

namespace strandline::fleet {
namespace {

using registry::Statement;
using store::Transaction;

// Devices per statement: keeps the number of parameters far below every limit.
constexpr std::size_t chunk_size = 200;

struct Built {
    trust::DesiredState state;
    std::int64_t newest = 0;  ///< sequence of the newest deployment
    std::int64_t generation = 0;
    std::string content;
};
using BuiltDevices = std::map<std::string, Built>;
using Policies = std::unordered_map<std::string, DeploymentPolicy>;

Result<const DeploymentPolicy*> policy_of(Policies& cache, const std::string& deployment,
                                          const std::string& json) {
    const auto known = cache.find(deployment);
    if (known != cache.end()) return &known->second;
    TRY(auto policy, deployment_policy_from_json(json));
    return &cache.emplace(deployment, policy).first->second;
}

Status add_slots(Transaction& transaction, std::span<const std::string> devices, Policies& policies,
                 BuiltDevices& built) {
    TRY(const auto rows,
        Statement("SELECT s.device_id, s.slot, r.package, r.version, r.variant, r.manifest, p.id, "
                  "p.sequence, p.policy FROM device_slots s JOIN releases r ON r.id = s.release_id "
                  "JOIN deployments p ON p.id = s.deployment_id WHERE s.device_id IN ")
            .bind_list(devices)
            .add(" ORDER BY s.device_id, s.slot")
            .query(transaction));
    for (const auto& row : rows) {
        auto& device = built[row.text(0)];
        TRY(const auto* policy, policy_of(policies, row.text(6), row.text(8)));
        trust::DesiredSlot slot;
        slot.slot = row.text(1);
        slot.package = row.text(2);
        slot.version = row.text(3);
        slot.variant = row.text(4);
        TRY(slot.manifest, Sha256Digest::from_hex(row.text(5)));
        slot.deployment = row.text(6);
        slot.soak = policy->soak;
        slot.self_test = policy->self_test;
        slot.allow_full = policy->allow_full;
        if (row.integer(7) > device.newest) {
            device.newest = row.integer(7);
            device.state.spread = policy->spread;
        }
        device.state.slots.push_back(std::move(slot));
    }
    return {};
}

Result<std::int64_t> generation_floor(Transaction& transaction) {
    TRY(const auto row,
        transaction.query_one("SELECT value FROM counters WHERE name = 'generation'"));
    return row ? row->integer(0) : 0;
}

// What is stored now; a device that was here before under the same id goes on from its number, and
// a restored database goes on above all that it may have given out since.
Status add_stored(Transaction& transaction, std::span<const std::string> devices,
                  BuiltDevices& built) {
    TRY(const auto floor, generation_floor(transaction));
    TRY(const auto retired, Statement("SELECT id, generation FROM retired_devices WHERE id IN ")
                                .bind_list(devices)
                                .query(transaction));
    for (const auto& row : retired) built[row.text(0)].generation = row.integer(1);
    TRY(const auto rows,
        Statement("SELECT device_id, generation, content FROM device_desired WHERE device_id IN ")
            .bind_list(devices)
            .query(transaction));
    for (const auto& row : rows) {
        auto& device = built[row.text(0)];
        device.generation = row.integer(1);
        device.content = row.text(2);
    }
    for (auto& [id, device] : built) device.generation = std::max(device.generation, floor);
    return {};
}

// Identifies the content without generation and time.
std::string content_of(trust::DesiredState state) {
    state.generation = 0;
    state.issued.clear();
    return sha256(trust::to_json(state)).hex();
}

Result<bool> rebuild(Statement& statement, std::string_view separator, Built& device,
                     const registry::Signer& sign, Refresh refresh) {
    const std::string content = content_of(device.state);
    // Nothing was ever wanted of it, and nothing is now.
    if (device.content.empty() && device.state.slots.empty()) return false;
    if (content == device.content && refresh == Refresh::changed) return false;
    if (device.state.slots.size() > trust::max_desired_slots) {
        return fail(
            Errc::invalid,
            fmt::format("device {} would have {} slots, at most {} are allowed; clear one "
                        "first",
                        device.state.device, device.state.slots.size(), trust::max_desired_slots));
    }
    device.state.generation = device.generation + 1;
    TRY(const auto envelope, sign(trust::to_json(device.state)));
    statement.add(separator).add("(").bind(device.state.device).add(", ");
    statement.bind(device.state.generation).add(", ").bind(content).add(", ");
    statement.bind(envelope.digest().hex()).add(", ").bind(trust::to_json(envelope)).add(", 1)");
    return true;
}

Status refresh_chunk(Transaction& transaction, std::span<const std::string> devices,
                     BuiltDevices& built, const registry::Signer& sign, Refresh refresh,
                     std::vector<std::string>& changed) {
    Statement statement(
        "INSERT INTO device_desired (device_id, generation, content, digest, envelope, "
        "unpublished) "
        "VALUES ");
    const std::size_t before = changed.size();
    for (const auto& id : devices) {
        const std::string_view separator = changed.size() == before ? "" : ", ";
        TRY(const bool is_new, rebuild(statement, separator, built.at(id), sign, refresh));
        if (is_new) changed.push_back(id);
    }
    if (changed.size() == before) return {};
    statement.add(
        " ON CONFLICT (device_id) DO UPDATE SET generation = excluded.generation, "
        "content = excluded.content, digest = excluded.digest, envelope = excluded.envelope, "
        "unpublished = 1");
    TRY(statement.execute(transaction));
    return {};
}

}  // namespace

Result<std::vector<std::string>> refresh_desired(Transaction& transaction,
                                                 std::span<const std::string> devices,
                                                 const registry::Signer& sign, WallTime now,
                                                 Refresh refresh) {
    std::vector<std::string> changed;
    Policies policies;
    const std::string issued = to_rfc3339(now);
    for (std::size_t start = 0; start < devices.size(); start += chunk_size) {
        const auto chunk = devices.subspan(start, std::min(chunk_size, devices.size() - start));
        BuiltDevices built;
        for (const auto& id : chunk) {
            auto& device = built[id];
            device.state.device = id;
            device.state.issued = issued;
        }
        TRY(add_stored(transaction, chunk, built));
        TRY(add_slots(transaction, chunk, policies, built));
        TRY(refresh_chunk(transaction, chunk, built, sign, refresh, changed));
    }
    return changed;
}

Status raise_generation_floor(Transaction& transaction, std::int64_t floor) {
    TRY(transaction.execute(
        "INSERT INTO counters (name, value) VALUES ('generation', :1) ON CONFLICT (name) DO UPDATE "
        "SET value = CASE WHEN excluded.value > counters.value THEN excluded.value "
        "ELSE counters.value END",
        {floor}));
    return {};
}

Result<bool> overtake_generation(Transaction& transaction, const std::string& device,
                                 std::int64_t generation) {
    TRY(const auto raised, transaction.execute("UPDATE device_desired SET generation = :1 "
                                               "WHERE device_id = :2 AND generation < :3",
                                               {generation, device, generation}));
    return raised > 0;
}

Result<std::vector<std::string>> devices_with_desired(Transaction& transaction,
                                                      std::string_view after, std::size_t limit) {
    TRY(const auto rows,
        transaction.query("SELECT d.id FROM devices d JOIN device_desired g ON g.device_id = d.id "
                          "WHERE d.id > :1 AND d.revoked_ms IS NULL ORDER BY d.id LIMIT :2",
                          {std::string(after), static_cast<std::int64_t>(limit)}));
    std::vector<std::string> ids;
    ids.reserve(rows.size());
    for (const auto& row : rows) ids.push_back(row.text(0));
    return ids;
}

}  // namespace strandline::fleet
