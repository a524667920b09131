#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "fleet/deployment.h"
#include "store/sql/database.h"

namespace strandline::fleet {

/// Collects how rows of deployments move within one transaction, then changes the totals and states
/// of those deployments once. Totals are kept, not counted: a report of one device must not cost a
/// walk over ten thousand. Internal to fleet.
class TotalsLedger {
public:
    void enter(const std::string& deployment, DeviceState state, std::int64_t rows = 1);
    void leave(const std::string& deployment, DeviceState state, std::int64_t rows = 1);
    void add_bytes(const std::string& deployment, std::int64_t full, std::int64_t received);
    /// Looks at its state again even if no row moved.
    void touch(const std::string& deployment) { changes_[deployment]; }

    /// Writes and forgets everything; appends `deployment.finished` events.
    [[nodiscard]] Status flush(store::Transaction& transaction, WallTime now);

private:
    struct Change {
        std::map<DeviceState, std::int64_t> rows;
        std::int64_t bytes_full = 0;
        std::int64_t bytes_received = 0;
    };
    std::map<std::string, Change> changes_;
};

}  // namespace strandline::fleet
