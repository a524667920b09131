#include "store/sql/database.h"

namespace strandline::store {

std::int64_t Row::integer(std::size_t column) const {
    STRANDLINE_ASSERT(column < values_.size() &&
                      std::holds_alternative<std::int64_t>(values_[column]));
    return std::get<std::int64_t>(values_[column]);
}

double Row::real(std::size_t column) const {
    STRANDLINE_ASSERT(column < values_.size());
    // A whole number from an expression such as COALESCE(x, 0) is an integer on SQLite.
    if (const auto* integer = std::get_if<std::int64_t>(&values_[column])) {
        return static_cast<double>(*integer);
    }
    STRANDLINE_ASSERT(std::holds_alternative<double>(values_[column]));
    return std::get<double>(values_[column]);
}

const std::string& Row::text(std::size_t column) const {
    STRANDLINE_ASSERT(column < values_.size() &&
                      std::holds_alternative<std::string>(values_[column]));
    return std::get<std::string>(values_[column]);
}

bool Row::is_null(std::size_t column) const {
    STRANDLINE_ASSERT(column < values_.size());
    return std::holds_alternative<std::monostate>(values_[column]);
}

std::optional<std::int64_t> Row::optional_integer(std::size_t column) const {
    if (is_null(column)) return std::nullopt;
    return integer(column);
}

std::optional<std::string> Row::optional_text(std::size_t column) const {
    if (is_null(column)) return std::nullopt;
    return text(column);
}

}  // namespace strandline::store
