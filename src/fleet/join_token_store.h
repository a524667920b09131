#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "registry/page.h"
#include "store/sql/database.h"
#include "trust/token.h"

namespace strandline::fleet {

struct JoinTokenRequest {
    std::int64_t uses = 1;                      ///< 1..1,000,000
    std::chrono::seconds expires_in{86'400};    ///< 1 s..10 years
    std::map<std::string, std::string> labels;  ///< given to every device that joins with it
    std::string cluster;  ///< joined by every device that joins with it; may be empty
    std::string created_by;
};

struct JoinToken {
    std::string id;
    std::int64_t uses = 1;
    std::int64_t used = 0;
    std::map<std::string, std::string> labels;
    std::string cluster;
    std::string created_by;
    WallTime created;
    WallTime expires;
};

struct NewJoinToken {
    JoinToken token;
    std::string text;  ///< shown once, never stored
};

/// Join tokens; only the hash of the secret is stored. Thread-safe; every call blocks.
class JoinTokenStore {
public:
    JoinTokenStore(store::Database& database, const Clock& clock, Random& random = system_random())
        : database_(&database), clock_(&clock), random_(&random) {}

    [[nodiscard]] Result<NewJoinToken> create(const JoinTokenRequest& request,
                                              std::string_view ca_sha256);
    /// Newest first.
    [[nodiscard]] Result<registry::Page<JoinToken>> list(const registry::PageRequest& page) const;
    [[nodiscard]] Status remove(std::string_view id);

    /// Takes one use inside the caller's transaction. Unknown, wrong, expired and used up are all
    /// the same `unauthenticated`.
    [[nodiscard]] static Result<JoinToken> consume(store::Transaction& transaction,
                                                   const trust::Token& token, WallTime now);

private:
    store::Database* database_;
    const Clock* clock_;
    Random* random_;
};

}  // namespace strandline::fleet
