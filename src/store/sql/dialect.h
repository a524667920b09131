#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/sql/database.h"

namespace soci {
class session;
class soci_error;
class statement;
}  // namespace soci

namespace strandline::store {

/// What differs between the two databases. Internal to store/sql; functions that take a
/// soci::session may throw soci::soci_error, and only Session calls them.
class Dialect {
public:
    virtual ~Dialect() = default;

    [[nodiscard]] virtual bool is_sqlite() const = 0;
    /// Opens the session and gives it its settings.
    virtual void connect(soci::session& session) const = 0;
    [[nodiscard]] virtual std::string_view begin_statement(bool write) const = 0;
    /// Statements outside of transactions that let one writer at a time begin; may be empty.
    [[nodiscard]] virtual std::string_view lock_writers() const = 0;
    [[nodiscard]] virtual std::string_view unlock_writers() const = 0;
    /// Rows of an executed statement; `got` says whether there is a first one.
    [[nodiscard]] virtual std::vector<Row> rows(soci::statement& statement, bool got) const = 0;
    /// Whether a prepared statement changes nothing, as far as is known before it runs.
    [[nodiscard]] virtual bool is_read_only(soci::statement& statement) const = 0;
    /// The catalogue's error; the text has neither parameters nor values.
    [[nodiscard]] virtual Error translate(const soci::soci_error& error) const = 0;
    /// The same work may succeed in a new transaction.
    [[nodiscard]] virtual bool is_serialization_failure(const soci::soci_error& error) const = 0;
    /// Statements that let one program at a time change the schema; may be empty.
    [[nodiscard]] virtual std::string_view lock_schema() const = 0;
    [[nodiscard]] virtual std::string_view unlock_schema() const = 0;
    /// Column definition of an integer primary key that numbers itself.
    [[nodiscard]] virtual std::string_view auto_id() const = 0;
};

[[nodiscard]] std::unique_ptr<Dialect> make_sqlite_dialect(std::string path,
                                                           const DatabaseOptions& options);
[[nodiscard]] std::unique_ptr<Dialect> make_postgresql_dialect(std::string url,
                                                               const DatabaseOptions& options);

}  // namespace strandline::store
