#include <charconv>
#include <fmt/core.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include "store/sql/dialect.h"

namespace strandline::store {
namespace {

// Object ids of built-in types, from PostgreSQL's pg_type.dat.
constexpr Oid type_bool = 16;
constexpr Oid type_int8 = 20;
constexpr Oid type_int2 = 21;
constexpr Oid type_int4 = 23;
constexpr Oid type_float4 = 700;
constexpr Oid type_float8 = 701;
constexpr Oid type_numeric = 1700;

template <class T>
SqlValue number(std::string_view text) {
    T value{};
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    STRANDLINE_ASSERT(parsed.ec == std::errc{});
    return value;
}

SqlValue column(const PGresult* result, int row, int index) {
    if (PQgetisnull(result, row, index) != 0) return std::monostate{};
    const std::string_view text(PQgetvalue(result, row, index),
                                static_cast<std::size_t>(PQgetlength(result, row, index)));
    switch (PQftype(result, index)) {
        case type_bool:
            return std::int64_t{text == "t"};
        case type_int2:
        case type_int4:
        case type_int8:
            return number<std::int64_t>(text);
        case type_float4:
        case type_float8:
        case type_numeric:
            return number<double>(text);
        default:
            return std::string(text);
    }
}

// SQLSTATE, PostgreSQL documentation appendix A.
std::string state_of(const soci::soci_error& error) {
    const auto* specific = dynamic_cast<const soci::postgresql_soci_error*>(&error);
    return specific == nullptr ? std::string{} : specific->sqlstate();
}

// The lines after the first (DETAIL, CONTEXT) may repeat values.
std::string first_line(const soci::soci_error& error) {
    const std::string message = error.get_error_message();
    return message.substr(0, message.find('\n'));
}

Errc code_of(const std::string& state) {
    const std::string_view kind = std::string_view(state).substr(0, 2);
    if (state == "23505" || state == "23503") return Errc::conflict;
    if (state == "57014" || state == "55P03") return Errc::timeout;
    if (state == "53300") return Errc::unavailable;
    if (kind == "40") return Errc::unavailable;
    if (kind == "53") return Errc::exhausted;
    if (kind == "28" || state == "42501" || state == "25006") return Errc::forbidden;
    // No SQLSTATE of the server's: the connection broke, or was never there.
    if (kind == "08" || kind == "57" || kind == "58" || kind.empty() || state.front() == ' ' ||
        state.front() == '\0') {
        return Errc::unavailable;
    }
    return Errc::internal;
}

class PostgresqlDialect final : public Dialect {
public:
    PostgresqlDialect(std::string url, std::chrono::milliseconds busy_timeout)
        : url_(std::move(url)), busy_timeout_(busy_timeout) {
        if (url_.find("connect_timeout=") == std::string::npos) {
            url_ += url_.find('?') == std::string::npos ? '?' : '&';
            url_ += "connect_timeout=10";
        }
    }

    bool is_sqlite() const override { return false; }

    void connect(soci::session& session) const override {
        session.open(*soci::factory_postgresql(), url_);
        session << "SET client_min_messages = warning";
        session << fmt::format("SET lock_timeout = {}", busy_timeout_.count());
        session << "SET statement_timeout = '60s'";
        session << "SET idle_in_transaction_session_timeout = '120s'";
    }

    // SERIALIZABLE gives a read-then-write the meaning it has under SQLite's single writer.
    std::string_view begin_statement(bool write) const override {
        return write ? "BEGIN ISOLATION LEVEL SERIALIZABLE"
                     : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    }

    // Else a long transaction, such as an order to a large fleet, loses against each report that is
    // committed meanwhile, however often it is repeated. Held before BEGIN, so that the snapshot is
    // taken after the last writer's end; for the session, as a transaction's lock would be inside.
    std::string_view lock_writers() const override { return "SELECT pg_advisory_lock(5387342)"; }
    std::string_view unlock_writers() const override {
        return "SELECT pg_advisory_unlock(5387342)";
    }

    std::vector<Row> rows(soci::statement& statement, bool got) const override {
        std::vector<Row> rows;
        if (!got) return rows;
        const PGresult* result =
            static_cast<soci::postgresql_statement_backend*>(statement.get_backend())->result_;
        const int columns = PQnfields(result);
        const int count = PQntuples(result);
        rows.reserve(static_cast<std::size_t>(count));
        for (int row = 0; row < count; ++row) {
            std::vector<SqlValue> values;
            values.reserve(static_cast<std::size_t>(columns));
            for (int i = 0; i < columns; ++i) values.push_back(column(result, row, i));
            rows.emplace_back(std::move(values));
        }
        return rows;
    }

    // The server refuses a change in a read-only transaction by itself.
    bool is_read_only(soci::statement& statement) const override {
        static_cast<void>(statement);
        return true;
    }

    Error translate(const soci::soci_error& error) const override {
        return fail(code_of(state_of(error)), first_line(error));
    }

    bool is_serialization_failure(const soci::soci_error& error) const override {
        const std::string state = state_of(error);
        return state == "40001" || state == "40P01";
    }

    // The numbers are arbitrary; all programs of this project use the same ones.
    std::string_view lock_schema() const override { return "SELECT pg_advisory_lock(5387341)"; }
    std::string_view unlock_schema() const override { return "SELECT pg_advisory_unlock(5387341)"; }
    std::string_view auto_id() const override {
        return "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY";
    }

private:
    std::string url_;
    std::chrono::milliseconds busy_timeout_;
};

}  // namespace

std::unique_ptr<Dialect> make_postgresql_dialect(std::string url, const DatabaseOptions& options) {
    return std::make_unique<PostgresqlDialect>(std::move(url), options.busy_timeout);
}

}  // namespace strandline::store
