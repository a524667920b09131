#pragma once

#include <span>

#include "store/sql/session.h"

namespace strandline::store {

/// Applies the migrations that the database lacks, each in its own transaction, and returns the
/// version reached. A database that has more of them, or another one under the same number, is
/// `conflict`. Internal to store/sql.
[[nodiscard]] Result<int> migrate(Session& session, const Dialect& dialect,
                                  std::span<const Migration> migrations);

/// The statements of a migration: comment lines go, `@AUTO_ID@` becomes the dialect's.
[[nodiscard]] std::vector<std::string> split_statements(std::string_view sql,
                                                        std::string_view auto_id);

}  // namespace strandline::store
