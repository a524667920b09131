#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace strandline::store {

/// A bound parameter or a column: NULL, integer, real or text. Binary goes in as hexadecimal text.
using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string>;

/// One row of a result, by position.
class Row {
public:
    explicit Row(std::vector<SqlValue> values) : values_(std::move(values)) {}
    /// Asking for another type than the column has is a fault of ours and ends the process.
    [[nodiscard]] std::int64_t integer(std::size_t column) const;
    [[nodiscard]] double real(std::size_t column) const;
    [[nodiscard]] const std::string& text(std::size_t column) const;
    [[nodiscard]] bool is_null(std::size_t column) const;
    [[nodiscard]] std::optional<std::int64_t> optional_integer(std::size_t column) const;
    [[nodiscard]] std::optional<std::string> optional_text(std::size_t column) const;

private:
    std::vector<SqlValue> values_;
};

/// A transaction on one session of the pool: rolled back unless commit() succeeded. Belongs to one
/// thread. SQL is the common subset of SQLite and PostgreSQL, with `:1`, `:2`... as parameters.
class Transaction {
public:
    Transaction(Transaction&&) noexcept;
    ~Transaction();

    using Parameters = std::vector<SqlValue>;
    /// Number of rows changed. A broken uniqueness rule is `conflict`.
    [[nodiscard]] Result<std::int64_t> execute(std::string_view sql,
                                               const Parameters& parameters = {});
    [[nodiscard]] Result<std::vector<Row>> query(std::string_view sql,
                                                 const Parameters& parameters = {});
    /// The first row, if there is one.
    [[nodiscard]] Result<std::optional<Row>> query_one(std::string_view sql,
                                                       const Parameters& parameters = {});
    /// After a failed statement the whole transaction is lost, as on PostgreSQL: everything up to
    /// and including commit() fails. Use ON CONFLICT where a conflict is expected.
    [[nodiscard]] Status commit();
    /// Says that this transaction ends somebody's access: see Database::access_changes().
    void end_access();
    /// Whether it failed only because of another one at the same time, so that it can be repeated.
    [[nodiscard]] bool serialization_failed() const;

private:
    friend class Database;
    struct Impl;
    explicit Transaction(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

struct Migration {
    int number = 0;
    std::string_view name;
    /// Statements that each end in ";" at the end of a line. Lines that start with "--" are
    /// comments; `@AUTO_ID@` after a column name makes a self-numbering BIGINT primary key.
    std::string_view sql;
};

struct DatabaseOptions {
    /// "sqlite:/path/to/file.db", "sqlite::memory:" (one session) or "postgresql://...".
    std::string url;
    std::size_t sessions = 4;
    std::chrono::milliseconds busy_timeout{10'000};
};

/// SOCI session pool over SQLite (WAL, synchronous=FULL, foreign keys on) or PostgreSQL.
/// Thread-safe; every call blocks. Full disk and unreachable server become `exhausted` and
/// `unavailable`.
class Database {
public:
    /// Opens and brings the schema up to date. A schema newer than this program is `conflict`.
    [[nodiscard]] static Result<std::unique_ptr<Database>> open(
        DatabaseOptions options, std::span<const Migration> migrations);
    ~Database();

    /// For changes: takes the writer's place at once (BEGIN IMMEDIATE on SQLite, an advisory lock
    /// on PostgreSQL), so it cannot fail half-way with a busy database.
    [[nodiscard]] Result<Transaction> begin_write();
    [[nodiscard]] Result<Transaction> begin_read();

    /// begin_write(), `work`, commit(); the error of any of them. Repeats `work` a few times when
    /// the database reports a serialization failure.
    template <class T>
    [[nodiscard]] Result<T> write(const std::function<Result<T>(Transaction&)>& work);
    template <class T>
    [[nodiscard]] Result<T> read(const std::function<Result<T>(Transaction&)>& work);

    /// Grows when a transaction of this process that ends somebody's access is committed, before
    /// commit() returns: for caches of who may do what.
    [[nodiscard]] std::int64_t access_changes() const;
    [[nodiscard]] int schema_version() const;
    [[nodiscard]] bool is_sqlite() const;

private:
    struct Impl;
    explicit Database(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// The hub's numbered migrations (store/sql/migrations/NNNN_name.sql), compiled in.
[[nodiscard]] std::span<const Migration> hub_migrations();

template <class T>
Result<T> Database::write(const std::function<Result<T>(Transaction&)>& work) {
    constexpr int max_attempts = 10;
    for (int attempt = 1;; ++attempt) {
        TRY(auto transaction, begin_write());
        Result<T> result = work(transaction);
        const Status done = result ? transaction.commit() : Status(result.error());
        if (done) return result;
        if (attempt == max_attempts || !transaction.serialization_failed()) return done.error();
    }
}

template <class T>
Result<T> Database::read(const std::function<Result<T>(Transaction&)>& work) {
    TRY(auto transaction, begin_read());
    return work(transaction);
}

}  // namespace strandline::store
