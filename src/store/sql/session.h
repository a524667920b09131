#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "store/sql/dialect.h"

namespace strandline::store {

/// One connection and its transaction; the place where SOCI's exceptions end. Internal to
/// store/sql. One thread at a time.
class Session {
public:
    [[nodiscard]] static Result<std::unique_ptr<Session>> connect(const Dialect& dialect);
    ~Session();

    /// Starts a transaction; connects anew first where the connection broke.
    [[nodiscard]] Status begin(bool write);
    [[nodiscard]] Status commit();
    /// Ends a transaction without its changes. A connection that cannot do that counts as broken.
    void rollback();

    [[nodiscard]] Result<std::int64_t> execute(std::string_view sql,
                                               const Transaction::Parameters& parameters);
    [[nodiscard]] Result<std::vector<Row>> query(std::string_view sql,
                                                 const Transaction::Parameters& parameters);
    /// One statement outside a transaction.
    [[nodiscard]] Status run(std::string_view sql);

    [[nodiscard]] bool in_transaction() const { return in_transaction_; }
    [[nodiscard]] bool serialization_failed() const { return serialization_failed_; }

private:
    struct Prepared;
    explicit Session(const Dialect& dialect);
    template <class Work>
    auto guarded(std::string_view sql, Work work) -> decltype(work());
    void prepare(Prepared& prepared, std::string_view sql,
                 const Transaction::Parameters& parameters);
    [[nodiscard]] Status check_usable() const;
    [[nodiscard]] Status lock_writers();
    void unlock_writers();

    const Dialect* dialect_;
    std::unique_ptr<soci::session> connection_;
    bool broken_ = false;
    bool in_transaction_ = false;
    bool write_ = false;
    bool holds_writers_ = false;
    bool serialization_failed_ = false;
    /// After an error PostgreSQL refuses the rest of a transaction; so do we on SQLite, lest the
    /// difference show only in production.
    std::optional<Error> failed_;
};

}  // namespace strandline::store
