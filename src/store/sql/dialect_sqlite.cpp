#include <fmt/core.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "store/sql/dialect.h"

namespace strandline::store {
namespace {

// soci-sqlite3.h declares the C interface of SQLite inside this namespace; including sqlite3.h
// beside it would declare everything twice.
namespace api = sqlite_api;

api::sqlite3_stmt* raw(soci::statement& statement) {
    return static_cast<soci::sqlite3_statement_backend*>(statement.get_backend())->stmt_;
}

SqlValue column(api::sqlite3_stmt* statement, int index) {
    switch (api::sqlite3_column_type(statement, index)) {
        case SQLITE_INTEGER:
            return std::int64_t{api::sqlite3_column_int64(statement, index)};
        case SQLITE_FLOAT:
            return api::sqlite3_column_double(statement, index);
        case SQLITE_NULL:
            return std::monostate{};
        default: {
            const auto* text =
                reinterpret_cast<const char*>(api::sqlite3_column_text(statement, index));
            const auto size = static_cast<std::size_t>(api::sqlite3_column_bytes(statement, index));
            return text == nullptr ? std::string{} : std::string(text, size);
        }
    }
}

Row current_row(api::sqlite3_stmt* statement) {
    const int columns = api::sqlite3_column_count(statement);
    std::vector<SqlValue> values;
    values.reserve(static_cast<std::size_t>(columns));
    for (int i = 0; i < columns; ++i) values.push_back(column(statement, i));
    return Row(std::move(values));
}

int primary_code(const soci::soci_error& error) {
    const auto* specific = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
    return specific == nullptr ? SQLITE_ERROR : specific->result() & 0xff;
}

// SOCI reports a failed constraint without its kind; only SQLite's text tells.
bool is_conflict(std::string_view message) {
    return message.find("UNIQUE constraint") != std::string_view::npos ||
           message.find("PRIMARY KEY") != std::string_view::npos ||
           message.find("FOREIGN KEY constraint") != std::string_view::npos;
}

class SqliteDialect final : public Dialect {
public:
    SqliteDialect(std::string path, std::chrono::milliseconds busy_timeout)
        : path_(std::move(path)), busy_timeout_(busy_timeout) {}

    bool is_sqlite() const override { return true; }

    void connect(soci::session& session) const override {
        session.open(*soci::factory_sqlite3(), fmt::format("dbname=\"{}\"", path_));
        // Every pragma but journal_mode holds for one session only.
        session << fmt::format("PRAGMA busy_timeout = {}", busy_timeout_.count());
        std::string mode;
        session << "PRAGMA journal_mode = WAL", soci::into(mode);
        session << "PRAGMA synchronous = FULL";
        session << "PRAGMA foreign_keys = ON";
        session << "PRAGMA trusted_schema = OFF";
    }

    std::string_view begin_statement(bool write) const override {
        return write ? "BEGIN IMMEDIATE" : "BEGIN";
    }

    // Not soci::row: it takes an INTEGER column for 32 bits and an expression for text, because it
    // goes by the declared type. SQLite knows the type of each value.
    std::vector<Row> rows(soci::statement& statement, bool got) const override {
        std::vector<Row> rows;
        while (got) {
            rows.push_back(current_row(raw(statement)));
            got = statement.get_backend()->fetch(1) == soci::details::statement_backend::ef_success;
        }
        return rows;
    }

    bool is_read_only(soci::statement& statement) const override {
        return api::sqlite3_stmt_readonly(raw(statement)) != 0;
    }

    Error translate(const soci::soci_error& error) const override {
        const std::string message = error.get_error_message();
        switch (primary_code(error)) {
            case SQLITE_CONSTRAINT:
                return fail(is_conflict(message) ? Errc::conflict : Errc::internal, message);
            case SQLITE_BUSY:
            case SQLITE_LOCKED:
                return fail(Errc::unavailable, message + "; another process holds " + path_);
            case SQLITE_FULL:
                return fail(Errc::exhausted, message + "; free some space for " + path_);
            case SQLITE_CORRUPT:
            case SQLITE_NOTADB:
                return fail(Errc::corrupt, message + "; restore " + path_ + " from a backup");
            case SQLITE_READONLY:
            case SQLITE_PERM:
                return fail(Errc::forbidden,
                            message + "; make " + path_ + " and its folder writable");
            case SQLITE_CANTOPEN:
            case SQLITE_IOERR:
                return fail(Errc::unavailable, message + "; check the disk of " + path_);
            default:
                return fail(Errc::internal, message);
        }
    }

    bool is_serialization_failure(const soci::soci_error& error) const override {
        // A reader never writes, and a writer has its place from the start: nothing to repeat.
        static_cast<void>(error);
        return false;
    }

    // BEGIN IMMEDIATE is that lock.
    std::string_view lock_writers() const override { return {}; }
    std::string_view unlock_writers() const override { return {}; }
    std::string_view lock_schema() const override { return {}; }
    std::string_view unlock_schema() const override { return {}; }
    std::string_view auto_id() const override { return "INTEGER PRIMARY KEY AUTOINCREMENT"; }

private:
    std::string path_;
    std::chrono::milliseconds busy_timeout_;
};

}  // namespace

std::unique_ptr<Dialect> make_sqlite_dialect(std::string path, const DatabaseOptions& options) {
    return std::make_unique<SqliteDialect>(std::move(path), options.busy_timeout);
}

}  // namespace strandline::store
