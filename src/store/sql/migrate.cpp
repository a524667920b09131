#include "store/sql/migrate.h"

#include <fmt/core.h>

#include "base/clock.h"
#include "base/log.h"

namespace strandline::store {
namespace {

constexpr std::string_view auto_id_mark = "@AUTO_ID@";

constexpr std::string_view version_table =
    "CREATE TABLE IF NOT EXISTS schema_version ("
    "number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_ms BIGINT NOT NULL)";

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    const auto first = text.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

void add_statement(std::vector<std::string>& out, std::string& pending, std::string_view auto_id) {
    std::string statement(trimmed(pending));
    pending.clear();
    if (statement.ends_with(';')) statement.pop_back();
    for (auto at = statement.find(auto_id_mark); at != std::string::npos;
         at = statement.find(auto_id_mark)) {
        statement.replace(at, auto_id_mark.size(), auto_id);
    }
    if (!statement.empty()) out.push_back(std::move(statement));
}

// Runs `work` in a transaction of its own.
template <class Work>
Status in_transaction(Session& session, Work work) {
    TRY(session.begin(true));
    Status done = work();
    if (done) done = session.commit();
    session.rollback();
    return done;
}

Result<int> check_applied(Session& session, std::span<const Migration> migrations) {
    TRY(const auto rows,
        session.query("SELECT number, name FROM schema_version ORDER BY number", {}));
    for (const auto& row : rows) {
        const auto number = row.integer(0);
        const auto known = number >= 1 && static_cast<std::size_t>(number) <= migrations.size();
        if (!known) {
            return fail(
                Errc::conflict,
                fmt::format("it is at version {}, this program knows {}; use a newer program",
                            rows.back().integer(0), migrations.size()));
        }
        if (row.text(1) != migrations[static_cast<std::size_t>(number) - 1].name) {
            return fail(
                Errc::conflict,
                fmt::format("migration {} was \"{}\", this program has \"{}\"; the database "
                            "belongs to another branch of the program",
                            number, row.text(1),
                            migrations[static_cast<std::size_t>(number) - 1].name));
        }
    }
    return static_cast<int>(rows.size());
}

Status apply(Session& session, const Dialect& dialect, const Migration& migration) {
    for (const auto& statement : split_statements(migration.sql, dialect.auto_id())) {
        TRY(session.execute(statement, {}));
    }
    TRY(session.execute("INSERT INTO schema_version (number, name, applied_ms) VALUES (:1, :2, :3)",
                        {std::int64_t{migration.number}, std::string(migration.name),
                         to_unix_ms(system_clock().wall())}));
    log_info("database migrated version={} name={}", migration.number, migration.name);
    return {};
}

Result<int> migrate_locked(Session& session, const Dialect& dialect,
                           std::span<const Migration> migrations) {
    TRY(in_transaction(session, [&]() -> Status {
        TRY(session.execute(version_table, {}));
        return {};
    }));
    int version = 0;
    bool complete = false;
    while (!complete) {
        // Looks again each time: another program may have come first.
        TRY(in_transaction(session, [&]() -> Status {
            TRY(version, check_applied(session, migrations));
            complete = static_cast<std::size_t>(version) == migrations.size();
            if (complete) return {};
            const auto& next = migrations[static_cast<std::size_t>(version)];
            auto applied = apply(session, dialect, next);
            if (!applied)
                return context(fmt::format("migration {} {}", next.number, next.name),
                               applied.error());
            return {};
        }));
    }
    return version;
}

Status check_numbers(std::span<const Migration> migrations) {
    for (std::size_t i = 0; i < migrations.size(); ++i) {
        if (migrations[i].number != static_cast<int>(i + 1)) {
            return fail(Errc::internal,
                        fmt::format("migration {} has the number {}", i + 1, migrations[i].number));
        }
    }
    return {};
}

}  // namespace

std::vector<std::string> split_statements(std::string_view sql, std::string_view auto_id) {
    std::vector<std::string> statements;
    std::string pending;
    while (!sql.empty()) {
        const auto end = sql.find('\n');
        const std::string_view line = sql.substr(0, end);
        sql.remove_prefix(end == std::string_view::npos ? sql.size() : end + 1);
        const std::string_view content = trimmed(line);
        if (content.empty() || content.starts_with("--")) continue;
        pending.append(line).append("\n");
        if (content.ends_with(';')) add_statement(statements, pending, auto_id);
    }
    add_statement(statements, pending, auto_id);
    return statements;
}

Result<int> migrate(Session& session, const Dialect& dialect,
                    std::span<const Migration> migrations) {
    TRY(check_numbers(migrations));
    if (!dialect.lock_schema().empty()) TRY(session.run(dialect.lock_schema()));
    auto version = migrate_locked(session, dialect, migrations);
    if (!dialect.unlock_schema().empty()) {
        ignore(session.run(dialect.unlock_schema()),
               "the lock ends with the session at the latest");
    }
    return version;
}

}  // namespace strandline::store
