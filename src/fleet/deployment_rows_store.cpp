#include <fmt/core.h>

#include "fleet/deployment_rows.h"

namespace strandline::fleet {
namespace {

using registry::Statement;
using store::Row;
using store::Transaction;

// So many older deployments of a slot and selector can still be returned to by rolling back.
constexpr std::int64_t kept_standing = 10;

std::uint64_t unsigned_column(const Row& row, std::size_t column) {
    return static_cast<std::uint64_t>(row.integer(column));
}

DeploymentTotals totals_of(const Row& row, std::size_t first) {
    DeploymentTotals totals;
    totals.pending = row.integer(first);
    totals.updating = row.integer(first + 1);
    totals.active = row.integer(first + 2);
    totals.refused = row.integer(first + 3);
    totals.failed = row.integer(first + 4);
    totals.cancelled = row.integer(first + 5);
    totals.superseded = row.integer(first + 6);
    totals.devices = totals.pending + totals.updating + totals.active + totals.refused +
                     totals.failed + totals.cancelled + totals.superseded;
    totals.bytes_full = unsigned_column(row, first + 7);
    totals.bytes_received = unsigned_column(row, first + 8);
    return totals;
}

Result<Deployment> deployment_of(const Row& row) {
    Deployment out;
    out.id = row.text(0);
    out.sequence = row.integer(1);
    out.package = row.text(2);
    out.version = row.text(3);
    out.variant = row.text(4);
    out.release = row.optional_text(5).value_or("");
    TRY(out.manifest, Sha256Digest::from_hex(row.text(6)));
    out.slot = row.text(7);
    out.channel = row.text(8);
    out.follow = row.integer(9) != 0;
    out.standing = row.integer(10) != 0;
    TRY(out.to, selector_from_json(row.text(11)));
    TRY(out.policy, deployment_policy_from_json(row.text(12)));
    TRY(out.state, deployment_state_from(row.text(13)));
    out.created = from_unix_ms(row.integer(14));
    out.created_by = row.text(15);
    out.rollback_of = row.text(16);
    out.totals = totals_of(row, 17);
    return out;
}

Result<DeploymentRow> row_of(const Row& row) {
    DeploymentRow out;
    out.device = row.text(0);
    TRY(out.state, device_state_from(row.text(1)));
    out.stage = row.text(2);
    out.progress = row.real(3);
    out.reason = row.text(4);
    out.message = row.text(5);
    out.from_version = row.text(6);
    out.version = row.text(7);
    out.bytes_full = unsigned_column(row, 8);
    out.bytes_received = unsigned_column(row, 9);
    out.deltas = unsigned_column(row, 10);
    out.fulls = unsigned_column(row, 11);
    out.delta_fallbacks = unsigned_column(row, 12);
    out.duration_ms = row.integer(13);
    out.updated = from_unix_ms(row.integer(14));
    return out;
}

}  // namespace

Statement select_deployments() {
    return Statement(
        "SELECT id, sequence, package, version, variant, release_id, manifest, slot, channel, "
        "follow, "
        "standing, selector, policy, state, created_ms, created_by, rollback_of, pending, "
        "updating, "
        "active, refused, failed, cancelled, superseded, bytes_full, bytes_received FROM "
        "deployments");
}

Result<std::vector<Deployment>> fetch_deployments(Transaction& transaction,
                                                  const Statement& statement) {
    TRY(const auto rows, statement.query(transaction));
    std::vector<Deployment> deployments;
    deployments.reserve(rows.size());
    for (const auto& row : rows) {
        auto deployment = deployment_of(row);
        if (!deployment) return context("deployment " + row.text(0), deployment.error());
        deployments.push_back(std::move(*deployment));
    }
    return deployments;
}

Result<Deployment> get_deployment(Transaction& transaction, std::string_view id) {
    Statement statement = select_deployments();
    statement.condition("id = ").bind(std::string(id));
    TRY(auto found, fetch_deployments(transaction, statement));
    if (found.empty()) {
        return fail(Errc::not_found, fmt::format("deployment {} is unknown", id.substr(0, 64)));
    }
    return std::move(found.front());
}

Status insert_deployment(Transaction& transaction, Deployment& deployment) {
    TRY(const auto row,
        transaction.query_one(
            "INSERT INTO deployments (id, package, version, variant, release_id, manifest, slot, "
            "channel, "
            "follow, standing, selector, policy, state, created_ms, created_by, rollback_of) "
            "VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13, :14, :15, :16) "
            "RETURNING sequence",
            {deployment.id, deployment.package, deployment.version, deployment.variant,
             deployment.release, deployment.manifest.hex(), deployment.slot, deployment.channel,
             std::int64_t{deployment.follow}, std::int64_t{deployment.standing},
             to_json(deployment.to), to_json(deployment.policy),
             std::string(to_string(deployment.state)), to_unix_ms(deployment.created),
             deployment.created_by, deployment.rollback_of}));
    if (!row) return fail(Errc::internal, "deployment: the database gave it no number");
    deployment.sequence = row->integer(0);
    return {};
}

Status end_standing(Transaction& transaction, std::string_view id) {
    TRY(transaction.execute("UPDATE deployments SET standing = 0, follow = 0 WHERE id = :1",
                            {std::string(id)}));
    return {};
}

Status set_deployment_state(Transaction& transaction, std::string_view id, DeploymentState state) {
    TRY(transaction.execute("UPDATE deployments SET state = :1 WHERE id = :2",
                            {std::string(to_string(state)), std::string(id)}));
    return {};
}

Status retire_predecessors(Transaction& transaction, const Deployment& deployment) {
    const std::string selector = to_json(deployment.to);
    TRY(
        transaction.execute("UPDATE deployments SET follow = 0 WHERE slot = :1 AND selector = :2 "
                            "AND sequence < :3 AND follow = 1",
                            {deployment.slot, selector, deployment.sequence}));
    TRY(transaction.execute(
        "UPDATE deployments SET standing = 0 WHERE slot = :1 AND selector = :2 AND standing = 1 "
        "AND sequence < COALESCE((SELECT MIN(k.sequence) FROM (SELECT sequence FROM deployments "
        "WHERE slot = :3 AND selector = :4 AND standing = 1 ORDER BY sequence DESC LIMIT :5) k), "
        "0)",
        {deployment.slot, selector, deployment.slot, selector, kept_standing}));
    return {};
}

Result<std::vector<Deployment>> standing_deployments(Transaction& transaction) {
    Statement statement = select_deployments();
    statement.condition("standing = 1").condition("release_id IS NOT NULL");
    statement.add(" ORDER BY sequence DESC");
    return fetch_deployments(transaction, statement);
}

Result<std::vector<Deployment>> followers(Transaction& transaction, std::string_view package,
                                          std::string_view channel) {
    Statement statement = select_deployments();
    statement.condition("package = ").bind(std::string(package));
    statement.condition("channel = ").bind(std::string(channel));
    statement.condition("follow = 1").add(" ORDER BY sequence");
    return fetch_deployments(transaction, statement);
}

Statement select_rows() {
    return Statement(
        "SELECT device_id, state, stage, progress, reason, message, from_version, version, "
        "bytes_full, "
        "bytes_received, deltas, fulls, delta_fallbacks, duration_ms, updated_ms "
        "FROM deployment_devices");
}

Result<std::vector<DeploymentRow>> fetch_rows(Transaction& transaction,
                                              const Statement& statement) {
    TRY(const auto rows, statement.query(transaction));
    std::vector<DeploymentRow> out;
    out.reserve(rows.size());
    for (const auto& row : rows) {
        TRY(auto item, row_of(row));
        out.push_back(std::move(item));
    }
    return out;
}

Status update_row(Transaction& transaction, std::string_view deployment, const DeploymentRow& row) {
    TRY(transaction.execute(
        "UPDATE deployment_devices SET state = :1, stage = :2, progress = :3, reason = :4, message "
        "= :5, "
        "bytes_full = :6, bytes_received = :7, deltas = :8, fulls = :9, delta_fallbacks = :10, "
        "duration_ms = :11, updated_ms = :12 WHERE deployment_id = :13 AND device_id = :14",
        {std::string(to_string(row.state)), row.stage, row.progress, row.reason, row.message,
         static_cast<std::int64_t>(row.bytes_full), static_cast<std::int64_t>(row.bytes_received),
         static_cast<std::int64_t>(row.deltas), static_cast<std::int64_t>(row.fulls),
         static_cast<std::int64_t>(row.delta_fallbacks), row.duration_ms, to_unix_ms(row.updated),
         std::string(deployment), row.device}));
    return {};
}

}  // namespace strandline::fleet
