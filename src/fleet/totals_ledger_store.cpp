#include <array>
#include <utility>

#include "fleet/deployment_state.h"
#include "fleet/event_log.h"
#include "fleet/totals_ledger.h"
#include "registry/columns_json.h"
#include "registry/statement.h"

namespace strandline::fleet {
namespace {

using registry::Statement;
using store::Transaction;

// A cancelled deployment stays cancelled, whatever late reports say about its rows.
Status set_state(Transaction& transaction, const std::string& deployment, DeploymentState from,
                 DeploymentState to, WallTime now) {
    if (from == to || from == DeploymentState::cancelled) return {};
    TRY(transaction.execute("UPDATE deployments SET state = :1 WHERE id = :2",
                            {std::string(to_string(to)), deployment}));
    if (to == DeploymentState::running) return {};
    return EventLog::append(
        transaction, "deployment.finished",
        registry::event_json({{"deployment", deployment}, {"state", std::string(to_string(to))}}),
        now);
}

}  // namespace

void TotalsLedger::enter(const std::string& deployment, DeviceState state, std::int64_t rows) {
    changes_[deployment].rows[state] += rows;
}

void TotalsLedger::leave(const std::string& deployment, DeviceState state, std::int64_t rows) {
    enter(deployment, state, -rows);
}

void TotalsLedger::add_bytes(const std::string& deployment, std::int64_t full,
                             std::int64_t received) {
    auto& change = changes_[deployment];
    change.bytes_full += full;
    change.bytes_received += received;
}

Status TotalsLedger::flush(Transaction& transaction, WallTime now) {
    const auto changes = std::exchange(changes_, {});
    for (const auto& [deployment, change] : changes) {
        Statement statement("UPDATE deployments SET bytes_full = bytes_full + ");
        statement.bind(change.bytes_full).add(", bytes_received = bytes_received + ");
        statement.bind(change.bytes_received);
        // Column names are those of the states.
        for (const auto& [state, rows] : change.rows) {
            statement.add(", ").add(to_string(state)).add(" = ").add(to_string(state)).add(" + ");
            statement.bind(rows);
        }
        statement.add(" WHERE id = ").bind(deployment);
        statement.add(
            " RETURNING state, pending, updating, active, refused, failed, cancelled, "
            "superseded");
        TRY(const auto rows, statement.query(transaction));
        if (rows.empty()) continue;
        const auto& row = rows.front();
        TRY(const auto state, deployment_state_from(row.text(0)));
        DeploymentTotals totals;
        const std::array counts{&totals.pending,   &totals.updating, &totals.active,
                                &totals.refused,   &totals.failed,   &totals.cancelled,
                                &totals.superseded};
        for (std::size_t i = 0; i < counts.size(); ++i) *counts[i] = row.integer(i + 1);
        TRY(set_state(transaction, deployment, state, derive_state(totals), now));
    }
    return {};
}

}  // namespace strandline::fleet
