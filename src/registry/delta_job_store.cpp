#include "registry/delta_job_store.h"

#include <algorithm>
#include <fmt/core.h>

#include "registry/columns_json.h"
#include "registry/statement.h"

namespace strandline::registry {
namespace {

using store::Row;
using store::Transaction;

constexpr std::string_view names =
    "id, base, target, state, full_size, delta, delta_size, build_ms, attempts, error, "
    "lease_owner, lease_ms, created_ms, shares";

Statement select_jobs() {
    Statement statement("SELECT ");
    return std::move(statement.add(names).add(" FROM delta_jobs"));
}

constexpr std::size_t error_limit = 500;

Result<DeltaJob> job_of(const Row& row) {
    DeltaJob job;
    job.id = row.integer(0);
    TRY(job.pair.base, Sha256Digest::from_hex(row.text(1)));
    TRY(job.pair.target, Sha256Digest::from_hex(row.text(2)));
    TRY(job.state, delta_state_from(row.text(3)));
    job.full_size = static_cast<std::uint64_t>(row.integer(4));
    if (!row.is_null(5)) {
        TRY(job.delta, Sha256Digest::from_hex(row.text(5)));
    }
    job.delta_size = static_cast<std::uint64_t>(row.integer(6));
    job.build_ms = row.integer(7);
    job.attempts = row.integer(8);
    job.error = row.text(9);
    job.lease_owner = row.text(10);
    job.lease_until = from_unix_ms(row.integer(11));
    job.created = from_unix_ms(row.integer(12));
    TRY(job.shares, shares_from_json(row.text(13)));
    return job;
}

Result<std::optional<DeltaJob>> fetch_one(Transaction& transaction, const Statement& statement) {
    TRY(const auto rows, statement.query(transaction));
    if (rows.empty()) return std::optional<DeltaJob>{};
    TRY(auto job, job_of(rows.front()));
    return std::optional<DeltaJob>(std::move(job));
}

// The attempt number fences off a worker whose lease was taken over, even by itself.
Status change_held(Transaction& transaction, const DeltaJob& job, Statement statement) {
    statement.add(" WHERE id = ").bind(job.id);
    statement.add(" AND state = 'running' AND lease_owner = ").bind(job.lease_owner);
    statement.add(" AND attempts = ").bind(job.attempts);
    TRY(const auto changed, statement.execute(transaction));
    if (changed > 0) return {};
    return fail(Errc::conflict,
                fmt::format("delta job {} is not held by {} any more", job.id, job.lease_owner));
}

}  // namespace

Result<std::size_t> DeltaJobStore::enqueue(Transaction& transaction,
                                           std::span<const DeltaPair> pairs, WallTime now) {
    std::size_t added = 0;
    for (const auto& pair : pairs) {
        if (pair.base == pair.target) continue;
        Statement statement(
            "INSERT INTO delta_jobs (base, target, state, full_size, due_ms, created_ms) "
            "SELECT CAST(");
        statement.bind(pair.base.hex()).add(" AS TEXT), t.sha256, 'queued', t.size, CAST(");
        statement.bind(to_unix_ms(now)).add(" AS BIGINT), CAST(").bind(to_unix_ms(now));
        statement.add(" AS BIGINT) FROM release_files t");
        statement.condition("t.sha256 = ").bind(pair.target.hex());
        statement.condition("EXISTS (SELECT 1 FROM release_files b WHERE b.sha256 = ");
        statement.bind(pair.base.hex()).add(") LIMIT 1 ON CONFLICT (base, target) DO UPDATE SET ");
        statement.add("state = 'queued', attempts = 0, error = '', due_ms = excluded.due_ms ");
        statement.add("WHERE delta_jobs.state = 'failed' ");
        statement.add("AND delta_jobs.due_ms <= excluded.due_ms");
        TRY(const auto changed, statement.execute(transaction));
        added += static_cast<std::size_t>(changed);
    }
    return added;
}

Result<std::size_t> DeltaJobStore::enqueue(std::span<const DeltaPair> pairs) {
    return database_->write<std::size_t>(
        [&](Transaction& t) { return enqueue(t, pairs, clock_->wall()); });
}

Result<std::optional<DeltaJob>> DeltaJobStore::find(const DeltaPair& pair) const {
    Statement statement = select_jobs();
    statement.condition("base = ").bind(pair.base.hex());
    statement.condition("target = ").bind(pair.target.hex());
    return database_->read<std::optional<DeltaJob>>(
        [&](Transaction& t) { return fetch_one(t, statement); });
}

Result<Page<DeltaJob>> DeltaJobStore::list(std::optional<DeltaState> state,
                                           const PageRequest& page) const {
    TRY(const auto before, sequence_cursor(page, newest_first));
    const auto limit = page_limit(page);
    Statement statement = select_jobs();
    statement.condition("id < ").bind(before);
    if (state) statement.condition("state = ").bind(std::string(to_string(*state)));
    statement.add(" ORDER BY id DESC LIMIT ").bind(static_cast<std::int64_t>(limit + 1));
    TRY(const auto rows,
        database_->read<std::vector<Row>>([&](Transaction& t) { return statement.query(t); }));
    std::vector<DeltaJob> jobs;
    for (const auto& row : rows) {
        TRY(auto job, job_of(row));
        jobs.push_back(std::move(job));
    }
    return make_page(std::move(jobs), limit,
                     [](const DeltaJob& job) { return std::to_string(job.id); });
}

Result<DeltaCounts> DeltaJobStore::counts() const {
    return database_->read<DeltaCounts>([&](Transaction& t) -> Result<DeltaCounts> {
        TRY(const auto rows, t.query("SELECT state, COUNT(*) FROM delta_jobs GROUP BY state"));
        DeltaCounts counts;
        for (const auto& row : rows) {
            TRY(const auto state, delta_state_from(row.text(0)));
            const std::int64_t n = row.integer(1);
            switch (state) {
                case DeltaState::queued:
                    counts.queued = n;
                    break;
                case DeltaState::running:
                    counts.running = n;
                    break;
                case DeltaState::built:
                    counts.built = n;
                    break;
                case DeltaState::not_worth:
                    counts.not_worth = n;
                    break;
                case DeltaState::failed:
                    counts.failed = n;
                    break;
            }
        }
        return counts;
    });
}

Result<std::optional<DeltaJob>> DeltaJobStore::lease(std::string_view owner,
                                                     std::chrono::milliseconds duration) {
    return database_->write<std::optional<DeltaJob>>(
        [&](Transaction& t) -> Result<std::optional<DeltaJob>> {
            const auto now = to_unix_ms(clock_->wall());
            // A job that takes its worker down each time must not do so for ever.
            TRY(
                t.execute("UPDATE delta_jobs SET state = 'failed', due_ms = :1, "
                          "error = 'its workers vanished; the last one was ' || lease_owner "
                          "WHERE state = 'running' AND lease_ms <= :2 AND attempts >= :3",
                          {now + policy_.failed_for.count(), now, policy_.max_attempts}));
            Statement statement("UPDATE delta_jobs SET state = 'running', lease_owner = ");
            statement.bind(std::string(owner)).add(", lease_ms = ").bind(now + duration.count());
            statement.add(
                ", attempts = attempts + 1 WHERE id = (SELECT id FROM delta_jobs "
                "WHERE (state = 'queued' AND due_ms <= ");
            statement.bind(now).add(") OR (state = 'running' AND lease_ms <= ").bind(now);
            statement.add(") ORDER BY due_ms, id LIMIT 1) RETURNING ").add(names);
            return fetch_one(t, statement);
        });
}

Result<std::int64_t> DeltaJobStore::end_leases() {
    // Still "running", so that lease() counts attempts of jobs that take their worker down.
    return database_->write<std::int64_t>([&](Transaction& t) {
        return t.execute("UPDATE delta_jobs SET lease_ms = 0 WHERE state = 'running'");
    });
}

Status DeltaJobStore::extend(const DeltaJob& job, std::chrono::milliseconds duration) {
    return database_->write<void>([&](Transaction& t) -> Status {
        Statement statement("UPDATE delta_jobs SET lease_ms = ");
        statement.bind(to_unix_ms(clock_->wall()) + duration.count());
        return change_held(t, job, std::move(statement));
    });
}

Status DeltaJobStore::finish_built(const DeltaJob& job, const DeltaBuilt& result,
                                   const EventSink& events) {
    return database_->write<void>([&](Transaction& t) -> Status {
        Statement statement("UPDATE delta_jobs SET state = 'built', error = '', delta = ");
        statement.bind(result.delta.hex()).add(", delta_size = ");
        statement.bind(static_cast<std::int64_t>(result.delta_size)).add(", build_ms = ");
        statement.bind(result.build_ms).add(", shares = ").bind(shares_to_json(result.shares));
        TRY(change_held(t, job, std::move(statement)));
        if (!events) return {};
        return events(t, "delta.built",
                      event_json({{"base", job.pair.base.hex()},
                                  {"target", job.pair.target.hex()},
                                  {"size", static_cast<std::int64_t>(result.delta_size)},
                                  {"full_size", static_cast<std::int64_t>(job.full_size)},
                                  {"build_ms", result.build_ms}}));
    });
}

Status DeltaJobStore::finish_not_worth(const DeltaJob& job, std::int64_t build_ms) {
    return database_->write<void>([&](Transaction& t) -> Status {
        Statement statement("UPDATE delta_jobs SET state = 'not_worth', error = '', build_ms = ");
        statement.bind(build_ms);
        return change_held(t, job, std::move(statement));
    });
}

Status DeltaJobStore::finish_failed(const DeltaJob& job, std::string_view error, bool permanent,
                                    Random& random) {
    const bool last = permanent || job.attempts >= policy_.max_attempts;
    // Full jitter over base * 2^attempts, as base/backoff.h does; the count lies in the row.
    const auto doublings = std::clamp<std::int64_t>(job.attempts - 1, 0, 30);
    const auto window =
        std::min(policy_.retry_cap.count(), policy_.retry_base.count() << doublings);
    const auto jitter =
        static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(window))) + 1;
    const auto wait = last ? policy_.failed_for.count() : jitter;
    return database_->write<void>([&](Transaction& t) -> Status {
        Statement statement("UPDATE delta_jobs SET state = ");
        statement.bind(std::string(last ? "failed" : "queued")).add(", error = ");
        statement.bind(std::string(error.substr(0, error_limit))).add(", due_ms = ");
        statement.bind(to_unix_ms(clock_->wall()) + wait);
        return change_held(t, job, std::move(statement));
    });
}

Status DeltaJobStore::release(const DeltaJob& job) {
    return database_->write<void>([&](Transaction& t) -> Status {
        return change_held(
            t, job, Statement("UPDATE delta_jobs SET state = 'queued', attempts = attempts - 1"));
    });
}

Status DeltaJobStore::forget(const DeltaPair& pair) {
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(const auto removed, t.execute("DELETE FROM delta_jobs WHERE base = :1 AND target = :2 "
                                          "AND state IN ('built', 'not_worth', 'failed')",
                                          {pair.base.hex(), pair.target.hex()}));
        if (removed > 0) return {};
        return fail(Errc::not_found, fmt::format("no finished delta from {} to {}", pair.base.hex(),
                                                 pair.target.hex()));
    });
}

Result<std::int64_t> DeltaJobStore::prune() {
    return database_->write<std::int64_t>([&](Transaction& t) {
        return t.execute(
            "DELETE FROM delta_jobs WHERE state <> 'running' AND NOT EXISTS "
            "(SELECT 1 FROM release_files f WHERE f.sha256 = delta_jobs.target)");
    });
}

}  // namespace strandline::registry
