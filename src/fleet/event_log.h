#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "registry/hooks.h"
#include "store/sql/database.h"

namespace strandline::fleet {

struct Event {
    std::int64_t cursor = 0;  ///< grows by one; order of cursors is order of commits
    WallTime time;
    std::string type;  ///< "device.enrolled"
    std::string data;  ///< JSON object
};

struct EventRetention {
    std::int64_t max_events = 100'000;
    std::chrono::hours max_age{24 * 30};
};

/// What happened, kept for a while so that a reader who was away can catch up. Thread-safe; blocks.
class EventLog {
public:
    EventLog(store::Database& database, const Clock& clock)
        : database_(&database), clock_(&clock) {}

    [[nodiscard]] Status append(std::string_view type, std::string_view data);
    /// Events after `cursor`, oldest first, at most `limit` (1..1000). A cursor older than the
    /// oldest kept event simply starts there.
    [[nodiscard]] Result<std::vector<Event>> after(std::int64_t cursor, std::size_t limit) const;
    /// The newest cursor; 0 when nothing ever happened.
    [[nodiscard]] Result<std::int64_t> newest() const;
    /// Number of events removed.
    [[nodiscard]] Result<std::int64_t> trim(const EventRetention& retention);

    /// Appends inside the caller's transaction.
    [[nodiscard]] static Status append(store::Transaction& transaction, std::string_view type,
                                       std::string_view data, WallTime now);
    /// For the services of registry. The log must outlive it.
    [[nodiscard]] registry::EventSink sink() const;

private:
    store::Database* database_;
    const Clock* clock_;
};

}  // namespace strandline::fleet
