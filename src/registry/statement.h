#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "store/sql/database.h"

namespace strandline::registry {

/// A statement that is put together from parts: every value becomes a bound parameter.
class Statement {
public:
    explicit Statement(std::string_view sql) : sql_(sql) {}

    Statement& add(std::string_view sql) {
        sql_ += sql;
        return *this;
    }
    /// Appends the next parameter's name.
    Statement& bind(store::SqlValue value) {
        parameters_.push_back(std::move(value));
        sql_ += ':' + std::to_string(parameters_.size());
        return *this;
    }
    /// Appends ` WHERE ` the first time and ` AND ` after that.
    Statement& condition(std::string_view sql) {
        sql_ += has_condition_ ? " AND " : " WHERE ";
        has_condition_ = true;
        return add(sql);
    }
    /// Appends `(:1, :2, ...)`; `values` must not be empty.
    template <class Range>
    Statement& bind_list(const Range& values) {
        std::string_view separator = "(";
        for (const auto& value : values) {
            add(separator).bind(value);
            separator = ", ";
        }
        return add(")");
    }

    [[nodiscard]] Result<std::vector<store::Row>> query(store::Transaction& transaction) const {
        return transaction.query(sql_, parameters_);
    }
    [[nodiscard]] Result<std::int64_t> execute(store::Transaction& transaction) const {
        return transaction.execute(sql_, parameters_);
    }

private:
    std::string sql_;
    store::Transaction::Parameters parameters_;
    bool has_condition_ = false;
};

}  // namespace strandline::registry
