#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "registry/page.h"
#include "store/sql/database.h"

namespace strandline::fleet {

struct AuditEntry {
    std::int64_t id = 0;  ///< given by append()
    WallTime time;        ///< given by append()
    std::string actor;    ///< operator's name, or "device:ID"
    std::string action;   ///< "deployment.create"
    std::string object;   ///< what it was done to
    std::string outcome;  ///< "ok" or the name of an Errc
    std::string address;  ///< of the caller
};

/// Who did what, append only: there is no call that changes or removes an entry. Thread-safe;
/// blocks.
class AuditLog {
public:
    AuditLog(store::Database& database, const Clock& clock)
        : database_(&database), clock_(&clock) {}

    [[nodiscard]] Status append(const AuditEntry& entry);
    /// Newest first.
    [[nodiscard]] Result<registry::Page<AuditEntry>> list(const registry::PageRequest& page) const;

private:
    store::Database* database_;
    const Clock* clock_;
};

}  // namespace strandline::fleet
