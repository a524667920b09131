#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "registry/page.h"
#include "store/sql/database.h"

namespace strandline::fleet {

/// Each role may do all that the ones before it may.
enum class Role { viewer, operator_, admin };  // NOLINT(readability-identifier-naming): a keyword
/// "viewer", "operator", "admin".
[[nodiscard]] std::string_view to_string(Role role);
[[nodiscard]] Result<Role> role_from(std::string_view text);

struct OperatorToken {
    std::string id;
    std::string name;
    Role role = Role::viewer;
    WallTime created;
    std::optional<WallTime> expires;
};

struct OperatorTokenRequest {
    std::string name;
    Role role = Role::viewer;
    std::optional<std::chrono::seconds> expires_in;
};

struct NewOperatorToken {
    OperatorToken token;
    std::string text;  ///< shown once, never stored
};

/// Bearer tokens of operators; only the hash of the secret is stored. Thread-safe; every call
/// blocks.
class OperatorTokenStore {
public:
    OperatorTokenStore(store::Database& database, const Clock& clock,
                       Random& random = system_random())
        : database_(&database), clock_(&clock), random_(&random) {}

    [[nodiscard]] Result<NewOperatorToken> create(const OperatorTokenRequest& request,
                                                  std::string_view ca_sha256);
    /// Whose token this text is; `unauthenticated` without a hint why not.
    [[nodiscard]] Result<OperatorToken> authenticate(std::string_view text) const;
    /// Newest first.
    [[nodiscard]] Result<registry::Page<OperatorToken>> list(
        const registry::PageRequest& page) const;
    /// `conflict` for the last admin token that does not expire, which would lock everybody out.
    [[nodiscard]] Status remove(std::string_view id);
    [[nodiscard]] Result<std::int64_t> count() const;

private:
    store::Database* database_;
    const Clock* clock_;
    Random* random_;
};

}  // namespace strandline::fleet
