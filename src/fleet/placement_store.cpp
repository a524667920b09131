#include <fmt/core.h>

#include "fleet/placement.h"

namespace strandline::fleet {
namespace {

using registry::Statement;
using store::Transaction;

constexpr std::int64_t max_known_files = 2000;
constexpr std::string_view open_states = "('pending', 'updating')";

Statement member_ids(const Members& members) {
    Statement statement("SELECT d.id FROM devices d WHERE d.revoked_ms IS NULL AND ");
    members(statement);
    return statement;
}

void add_members(Statement& statement, std::string_view column, const Members& members) {
    statement.add(column).add(" IN (SELECT d.id FROM devices d WHERE d.revoked_ms IS NULL AND ");
    members(statement);
    statement.add(")");
}

// Rows of devices that had a part in this deployment already and get it anew.
Status forget_former_rows(Transaction& transaction, const Deployment& deployment,
                          const Members& members, TotalsLedger& totals) {
    Statement statement(
        "SELECT r.state, COUNT(*), CAST(SUM(r.bytes_full) AS BIGINT), "
        "CAST(SUM(r.bytes_received) AS BIGINT) FROM deployment_devices r WHERE r.deployment_id = ");
    statement.bind(deployment.id).add(" AND ");
    add_members(statement, "r.device_id", members);
    statement.add(" GROUP BY r.state");
    TRY(const auto rows, statement.query(transaction));
    for (const auto& row : rows) {
        TRY(const auto state, device_state_from(row.text(0)));
        totals.leave(deployment.id, state, row.integer(1));
        totals.add_bytes(deployment.id, -row.integer(2), -row.integer(3));
    }
    return {};
}

Status insert_rows(Transaction& transaction, const Deployment& deployment, const Members& members,
                   WallTime now) {
    Statement statement(
        "INSERT INTO deployment_devices (deployment_id, device_id, slot, state, from_version, "
        "version, "
        "before_deployment, updated_ms) SELECT CAST(");
    statement.bind(deployment.id).add(" AS TEXT), d.id, CAST(").bind(deployment.slot);
    statement.add(
        " AS TEXT), 'pending', COALESCE((SELECT MAX(f.version) FROM device_files f "
        "WHERE f.device_id = d.id AND f.role = 'active' AND f.slot = ");
    statement.bind(deployment.slot).add("), ''), CAST(").bind(deployment.version);
    statement.add(
        " AS TEXT), CASE WHEN r.state IN ('refused', 'failed', 'cancelled') "
        "THEN r.before_deployment ELSE s.deployment_id END, CAST(");
    statement.bind(to_unix_ms(now))
        .add(
            " AS BIGINT) FROM devices d LEFT JOIN device_slots s "
            "ON s.device_id = d.id AND s.slot = ");
    statement.bind(deployment.slot)
        .add(
            " LEFT JOIN deployment_devices r "
            "ON r.deployment_id = s.deployment_id AND r.device_id = d.id "
            "WHERE d.revoked_ms IS NULL AND ");
    members(statement);
    statement.add(
        " ON CONFLICT (deployment_id, device_id) DO UPDATE SET state = 'pending', stage = '', "
        "progress = 0, reason = '', message = '', from_version = excluded.from_version, "
        // A deployment that gets the slot back from its successor has not come before itself.
        "before_deployment = CASE WHEN excluded.before_deployment = excluded.deployment_id "
        "THEN deployment_devices.before_deployment ELSE excluded.before_deployment END, "
        "bytes_full = 0, bytes_received = 0, "
        "deltas = 0, fulls = 0, delta_fallbacks = 0, duration_ms = 0, "
        "updated_ms = excluded.updated_ms");
    TRY(statement.execute(transaction));
    return {};
}

// Ends open rows that `conditions` choose (they follow a WHERE) in the state `end`.
Status end_rows(Transaction& transaction, const Members& conditions, DeviceState end,
                TotalsLedger& totals, WallTime now) {
    Statement counts(
        "SELECT deployment_id, state, COUNT(*) FROM deployment_devices WHERE state IN ");
    counts.add(open_states).add(" AND ");
    conditions(counts);
    counts.add(" GROUP BY deployment_id, state");
    TRY(const auto rows, counts.query(transaction));
    if (rows.empty()) return {};
    for (const auto& row : rows) {
        TRY(const auto state, device_state_from(row.text(1)));
        totals.leave(row.text(0), state, row.integer(2));
        totals.enter(row.text(0), end, row.integer(2));
    }
    Statement update("UPDATE deployment_devices SET state = ");
    update.bind(std::string(to_string(end))).add(", updated_ms = ").bind(to_unix_ms(now));
    update.add(" WHERE state IN ").add(open_states).add(" AND ");
    conditions(update);
    TRY(update.execute(transaction));
    return {};
}

Status take_slots(Transaction& transaction, const Deployment& deployment, const Members& members) {
    Statement statement(
        "INSERT INTO device_slots (device_id, slot, deployment_id, release_id) SELECT d.id, CAST(");
    statement.bind(deployment.slot).add(" AS TEXT), CAST(").bind(deployment.id);
    statement.add(" AS TEXT), CAST(").bind(deployment.release);
    statement.add(" AS TEXT) FROM devices d WHERE d.revoked_ms IS NULL AND ");
    members(statement);
    statement.add(
        " ON CONFLICT (device_id, slot) DO UPDATE SET deployment_id = excluded.deployment_id, "
        "release_id = excluded.release_id");
    TRY(statement.execute(transaction));
    return {};
}

// The former deployment's order counts again; the row goes on if it had not been finished.
Status revive_row(Transaction& transaction, const Held& held, TotalsLedger& totals, WallTime now) {
    TRY(const auto revived,
        transaction.execute("UPDATE deployment_devices SET state = 'pending', updated_ms = :1 "
                            "WHERE deployment_id = :2 AND device_id = :3 AND state = 'superseded'",
                            {to_unix_ms(now), held.before, held.device}));
    if (revived == 0) return {};
    totals.leave(held.before, DeviceState::superseded);
    totals.enter(held.before, DeviceState::pending);
    return {};
}

}  // namespace

Result<std::vector<std::string>> place(Transaction& transaction, const Deployment& deployment,
                                       const Members& members, TotalsLedger& totals, WallTime now) {
    Statement select = member_ids(members);
    select.add(" ORDER BY d.id");
    TRY(const auto rows, select.query(transaction));
    std::vector<std::string> devices;
    devices.reserve(rows.size());
    for (const auto& row : rows) devices.push_back(row.text(0));
    totals.touch(deployment.id);
    if (devices.empty()) return devices;

    TRY(forget_former_rows(transaction, deployment, members, totals));
    TRY(insert_rows(transaction, deployment, members, now));
    totals.enter(deployment.id, DeviceState::pending, static_cast<std::int64_t>(devices.size()));
    const Members rivals = [&](Statement& statement) {
        statement.add("slot = ").bind(deployment.slot).add(" AND deployment_id <> ");
        statement.bind(deployment.id).add(" AND ");
        add_members(statement, "device_id", members);
    };
    TRY(end_rows(transaction, rivals, DeviceState::superseded, totals, now));
    TRY(take_slots(transaction, deployment, members));
    return devices;
}

Result<std::vector<Held>> held_by(Transaction& transaction, std::string_view deployment) {
    TRY(const auto rows,
        transaction.query(
            "SELECT r.device_id, r.before_deployment, r.state FROM device_slots s "
            "JOIN deployment_devices r ON r.deployment_id = s.deployment_id "
            "AND r.device_id = s.device_id WHERE s.deployment_id = :1 ORDER BY r.device_id",
            {std::string(deployment)}));
    std::vector<Held> held;
    held.reserve(rows.size());
    for (const auto& row : rows) {
        TRY(const auto state, device_state_from(row.text(2)));
        held.push_back({row.text(0), row.optional_text(1).value_or(""), state});
    }
    return held;
}

Status hand_back(Transaction& transaction, const Deployment& deployment, const Held& held,
                 TotalsLedger& totals, WallTime now) {
    if (!is_final(held.state)) {
        TRY(transaction.execute(
            "UPDATE deployment_devices SET state = 'cancelled', updated_ms = :1 "
            "WHERE deployment_id = :2 AND device_id = :3",
            {to_unix_ms(now), deployment.id, held.device}));
        totals.leave(deployment.id, held.state);
        totals.enter(deployment.id, DeviceState::cancelled);
    }
    if (!held.before.empty()) {
        TRY(const auto moved,
            transaction.execute(
                "UPDATE device_slots SET deployment_id = :1, release_id = "
                "(SELECT release_id FROM deployments WHERE id = :2) "
                "WHERE device_id = :3 AND slot = :4 AND EXISTS "
                "(SELECT 1 FROM deployments WHERE id = :5 AND release_id IS NOT NULL)",
                {held.before, held.before, held.device, deployment.slot, held.before}));
        if (moved > 0) return revive_row(transaction, held, totals, now);
        // An empty slot would stop what the device runs.
        return fail(Errc::conflict,
                    fmt::format("deployment {}: the release that device {} had before was deleted; "
                                "deploy another one instead",
                                deployment.id, held.device));
    }
    TRY(transaction.execute("DELETE FROM device_slots WHERE device_id = :1 AND slot = :2",
                            {held.device, deployment.slot}));
    return {};
}

Status skip_as_before(Transaction& transaction, std::string_view ended) {
    const std::string id(ended);
    TRY(transaction.execute(
        "UPDATE deployment_devices SET before_deployment = (SELECT CASE WHEN "
        "b.before_deployment = deployment_devices.deployment_id THEN NULL "
        "ELSE b.before_deployment END FROM deployment_devices b WHERE b.deployment_id = :1 "
        "AND b.device_id = deployment_devices.device_id) WHERE before_deployment = :2 "
        "AND EXISTS (SELECT 1 FROM deployment_devices b WHERE b.deployment_id = :3 "
        "AND b.device_id = deployment_devices.device_id AND b.state <> 'active')",
        {id, id, id}));
    return {};
}

Result<std::vector<std::string>> empty_slot(Transaction& transaction, std::string_view slot,
                                            const Members& members, TotalsLedger& totals,
                                            WallTime now) {
    const std::string name(slot);
    const Members chosen = [&](Statement& statement) {
        statement.add("slot = ").bind(name).add(" AND ");
        add_members(statement, "device_id", members);
    };
    TRY(end_rows(transaction, chosen, DeviceState::cancelled, totals, now));
    Statement statement("DELETE FROM device_slots WHERE ");
    chosen(statement);
    statement.add(" RETURNING device_id");
    TRY(const auto rows, statement.query(transaction));
    std::vector<std::string> devices;
    devices.reserve(rows.size());
    for (const auto& row : rows) devices.push_back(row.text(0));
    return devices;
}

Status cancel_rows_of(Transaction& transaction, std::string_view device, TotalsLedger& totals,
                      WallTime now) {
    const std::string id(device);
    const Members chosen = [&](Statement& statement) { statement.add("device_id = ").bind(id); };
    return end_rows(transaction, chosen, DeviceState::cancelled, totals, now);
}

Result<std::map<std::string, Candidate>> current_slots(Transaction& transaction,
                                                       std::string_view device) {
    TRY(const auto rows,
        transaction.query("SELECT s.slot, p.id, p.sequence, p.selector FROM device_slots s "
                          "JOIN deployments p ON p.id = s.deployment_id WHERE s.device_id = :1",
                          {std::string(device)}));
    std::map<std::string, Candidate> slots;
    for (const auto& row : rows) {
        TRY(auto selector, selector_from_json(row.text(3)));
        slots.emplace(row.text(0),
                      Candidate{row.text(1), row.integer(2), row.text(0), std::move(selector)});
    }
    return slots;
}

Result<std::vector<KnownFile>> known_files(Transaction& transaction, std::string_view slot,
                                           std::string_view package, const Members& members) {
    Statement statement(
        "SELECT f.path, f.sha256, CASE WHEN r.entry = f.path THEN 1 ELSE 0 END, COUNT(*) AS "
        "holders "
        "FROM device_files f LEFT JOIN releases r ON r.manifest = f.manifest WHERE (f.slot = ");
    statement.bind(std::string(slot))
        .add(" OR f.package = ")
        .bind(std::string(package))
        .add(") AND ");
    add_members(statement, "f.device_id", members);
    statement.add(" GROUP BY 1, 2, 3 ORDER BY holders DESC, 1, 2 LIMIT ").bind(max_known_files);
    TRY(const auto rows, statement.query(transaction));
    std::vector<KnownFile> files;
    for (const auto& row : rows) {
        TRY(const auto digest, Sha256Digest::from_hex(row.text(1)));
        files.push_back({row.text(0), digest, row.integer(2) != 0});
    }
    return files;
}

}  // namespace strandline::fleet
