#include "store/sql/session.h"

#include <fmt/core.h>
#include <soci/soci.h>

#include "base/log.h"

namespace strandline::store {
namespace {

// Enough of a statement to find it in the source; parameters are bound, so no values are in it.
std::string_view excerpt(std::string_view sql) {
    constexpr std::size_t limit = 60;
    return sql.substr(0, limit);
}

struct Bound {
    long long integer = 0;
    double real = 0;
    std::string text;
    soci::indicator indicator = soci::i_ok;
};

Status check_parameters(const Transaction::Parameters& parameters) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const auto* text = std::get_if<std::string>(&parameters[i]);
        if (text != nullptr && text->find('\0') != std::string::npos) {
            return fail(Errc::invalid, fmt::format("parameter {} holds a NUL character", i + 1));
        }
    }
    return {};
}

}  // namespace

/// A statement with the storage of its parameters, which must outlive it.
struct Session::Prepared {
    explicit Prepared(soci::session& session) : statement(session) {}
    std::vector<Bound> bound;
    soci::statement statement;
};

Session::Session(const Dialect& dialect)
    : dialect_(&dialect), connection_(std::make_unique<soci::session>()) {}

Session::~Session() = default;

template <class Work>
auto Session::guarded(std::string_view sql, Work work) -> decltype(work()) {
    try {
        return work();
    } catch (const soci::soci_error& error) {
        serialization_failed_ = serialization_failed_ || dialect_->is_serialization_failure(error);
        return context(excerpt(sql), dialect_->translate(error));
    } catch (const std::runtime_error& error) {
        return fail(Errc::internal, fmt::format("{}: {}", excerpt(sql), error.what()));
    }
}

Result<std::unique_ptr<Session>> Session::connect(const Dialect& dialect) {
    std::unique_ptr<Session> session(new Session(dialect));
    TRY(session->guarded("open the database", [&]() -> Status {
        dialect.connect(*session->connection_);
        return {};
    }));
    return session;
}

Status Session::run(std::string_view sql) {
    return guarded(sql, [&]() -> Status {
        *connection_ << std::string(sql);
        return {};
    });
}

Status Session::begin(bool write) {
    failed_.reset();
    serialization_failed_ = false;
    const auto start = [&]() -> Status {
        if (broken_) {
            TRY(guarded("connect to the database again", [&]() -> Status {
                connection_ = std::make_unique<soci::session>();
                dialect_->connect(*connection_);
                return {};
            }));
            broken_ = false;
            log_info("database connected again");
        }
        if (write) TRY(lock_writers());
        return run(dialect_->begin_statement(write));
    };
    auto started = start();
    // Another writer that takes long is no reason to connect anew.
    const bool waited = !started && started.error().code == Errc::timeout;
    if (!started && !waited && !dialect_->is_sqlite() && !broken_) {
        // The server may have restarted while the session was idle: one new connection decides.
        log_warn("database session lost reason=\"{}\"", started.error().message);
        broken_ = true;
        holds_writers_ = false;  // ends with the connection
        started = start();
    }
    if (!started) {
        unlock_writers();
        return started;
    }
    in_transaction_ = true;
    write_ = write;
    return {};
}

Status Session::lock_writers() {
    if (dialect_->lock_writers().empty()) return {};
    TRY(run(dialect_->lock_writers()));
    holds_writers_ = true;
    return {};
}

void Session::unlock_writers() {
    if (!holds_writers_) return;
    holds_writers_ = false;
    if (!broken_ && run(dialect_->unlock_writers())) return;
    // Its lock ends with the connection: not only when the session is used again.
    broken_ = true;
    ignore(guarded("disconnect",
                   [&]() -> Status {
                       connection_ = std::make_unique<soci::session>();
                       return {};
                   }),
           "it is connected anew by the next begin()");
}

Status Session::check_usable() const {
    if (!in_transaction_) return fail(Errc::internal, "the transaction is over");
    if (failed_) return context("an earlier statement of the transaction failed", *failed_);
    return {};
}

Status Session::commit() {
    TRY(check_usable());
    auto done = run("COMMIT");
    if (!done) {
        failed_ = done.error();
        return done;
    }
    in_transaction_ = false;
    unlock_writers();
    return {};
}

void Session::rollback() {
    if (!in_transaction_) return;
    in_transaction_ = false;
    const auto undone = run("ROLLBACK");
    // SQLite has rolled back by itself after some errors and then says there is no transaction.
    if (!undone && !(dialect_->is_sqlite() && failed_)) broken_ = true;
    unlock_writers();
}

void Session::prepare(Prepared& prepared, std::string_view sql,
                      const Transaction::Parameters& parameters) {
    auto& [bound, statement] = prepared;
    bound.resize(parameters.size());
    statement.alloc();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        auto& slot = bound[i];
        const std::string name = std::to_string(i + 1);
        if (const auto* integer = std::get_if<std::int64_t>(&parameters[i])) {
            slot.integer = *integer;
            statement.exchange(soci::use(slot.integer, slot.indicator, name));
        } else if (const auto* real = std::get_if<double>(&parameters[i])) {
            slot.real = *real;
            statement.exchange(soci::use(slot.real, slot.indicator, name));
        } else {
            const auto* text = std::get_if<std::string>(&parameters[i]);
            slot.indicator = text == nullptr ? soci::i_null : soci::i_ok;
            if (text != nullptr) slot.text = *text;
            statement.exchange(soci::use(slot.text, slot.indicator, name));
        }
    }
    statement.prepare(std::string(sql), soci::details::st_one_time_query);
    statement.define_and_bind();
}

Result<std::int64_t> Session::execute(std::string_view sql,
                                      const Transaction::Parameters& parameters) {
    TRY(check_usable());
    if (!write_) {
        return fail(Errc::internal,
                    fmt::format("{}: a change in a reading transaction", excerpt(sql)));
    }
    auto changed = guarded(sql, [&]() -> Result<std::int64_t> {
        TRY(check_parameters(parameters));
        Prepared prepared(*connection_);
        prepare(prepared, sql, parameters);
        prepared.statement.execute(true);
        return std::int64_t{prepared.statement.get_affected_rows()};
    });
    if (!changed) failed_ = changed.error();
    return changed;
}

Result<std::vector<Row>> Session::query(std::string_view sql,
                                        const Transaction::Parameters& parameters) {
    TRY(check_usable());
    auto rows = guarded(sql, [&]() -> Result<std::vector<Row>> {
        TRY(check_parameters(parameters));
        Prepared prepared(*connection_);
        prepare(prepared, sql, parameters);
        if (!write_ && !dialect_->is_read_only(prepared.statement)) {
            return fail(Errc::internal,
                        fmt::format("{}: a change in a reading transaction", excerpt(sql)));
        }
        const bool got = prepared.statement.execute(true);
        return dialect_->rows(prepared.statement, got);
    });
    if (!rows) failed_ = rows.error();
    return rows;
}

}  // namespace strandline::store
