#pragma once

#include <string>
#include <vector>

// For tests only: databases of every kind that this machine offers.
namespace strandline::store::test {

/// A PostgreSQL server of this process alone: data in a temporary folder, reached by a Unix socket
/// only, gone at exit. STRANDLINE_TEST_POSTGRESQL names another one to use instead.
/// Empty when there is none; says once on stdout why.
[[nodiscard]] const std::string& postgresql_url();

/// "sqlite", and "postgresql" where a server can be had.
[[nodiscard]] std::vector<std::string> kinds();

/// URL of a new, empty database of that kind.
[[nodiscard]] std::string fresh_url(const std::string& kind);

}  // namespace strandline::store::test
