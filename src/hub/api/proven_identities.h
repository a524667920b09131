#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "hub/api/auth.h"
#include "store/sql/database.h"

namespace strandline::hub {

/// Callers proved lately, so that most requests need not ask the database who calls. Exact for a
/// database that only this process changes: whatever ends somebody's access moves
/// Database::access_changes(), and everything proved before that counts no more. Thread-safe.
class ProvenIdentities {
public:
    ProvenIdentities(const store::Database& database, const Clock& clock)
        : database_(&database), clock_(&clock) {}

    struct Proof {
        Caller caller;
        std::optional<WallTime> expires;
    };

    /// The number to pass to keep(); ask before the database is read.
    [[nodiscard]] std::int64_t moment() const { return database_->access_changes(); }
    void keep(const Credentials& credentials, Proof proof, std::int64_t moment);
    /// The caller, when proved and nobody's access has ended since.
    [[nodiscard]] std::optional<Caller> find(const Credentials& credentials);

private:
    void forget_old(std::int64_t now);

    const store::Database* database_;
    const Clock* clock_;
    std::mutex mutex_;
    std::int64_t moment_ = 0;  ///< at which everything in `proofs_` was true
    std::unordered_map<std::string, Proof> proofs_;
};

}  // namespace strandline::hub
