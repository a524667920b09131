#include <algorithm>

#include "fleet/event_log.h"
#include "registry/page.h"

namespace strandline::fleet {
namespace {

using store::Transaction;

}  // namespace

Status EventLog::append(Transaction& transaction, std::string_view type, std::string_view data,
                        WallTime now) {
    TRY(const auto row, transaction.query_one("UPDATE counters SET value = value + 1 "
                                              "WHERE name = 'event' RETURNING value"));
    if (!row) return fail(Errc::internal, "events: the counter is missing");
    TRY(transaction.execute(
        "INSERT INTO events (position, time_ms, type, data) VALUES (:1, :2, :3, :4)",
        {row->integer(0), to_unix_ms(now), std::string(type), std::string(data)}));
    return {};
}

Status EventLog::append(std::string_view type, std::string_view data) {
    return database_->write<void>(
        [&](Transaction& t) { return append(t, type, data, clock_->wall()); });
}

Result<std::vector<Event>> EventLog::after(std::int64_t cursor, std::size_t limit) const {
    const auto most = std::clamp<std::size_t>(limit, 1, registry::max_page_limit);
    TRY(const auto rows, database_->read<std::vector<store::Row>>([&](Transaction& t) {
        return t.query(
            "SELECT position, time_ms, type, data FROM events WHERE position > :1 "
            "ORDER BY position LIMIT :2",
            {cursor, static_cast<std::int64_t>(most)});
    }));
    std::vector<Event> events;
    events.reserve(rows.size());
    for (const auto& row : rows) {
        events.push_back({row.integer(0), from_unix_ms(row.integer(1)), row.text(2), row.text(3)});
    }
    return events;
}

Result<std::int64_t> EventLog::newest() const {
    return database_->read<std::int64_t>([&](Transaction& t) -> Result<std::int64_t> {
        TRY(const auto row, t.query_one("SELECT value FROM counters WHERE name = 'event'"));
        return row ? row->integer(0) : 0;
    });
}

Result<std::int64_t> EventLog::trim(const EventRetention& retention) {
    return database_->write<std::int64_t>([&](Transaction& t) -> Result<std::int64_t> {
        TRY(const auto row, t.query_one("SELECT value FROM counters WHERE name = 'event'"));
        const std::int64_t newest = row ? row->integer(0) : 0;
        return t.execute(
            "DELETE FROM events WHERE position <= :1 OR time_ms < :2",
            {newest - retention.max_events, to_unix_ms(clock_->wall() - retention.max_age)});
    });
}

registry::EventSink EventLog::sink() const {
    return
        [clock = clock_](Transaction& transaction, std::string_view type, std::string_view data) {
            return append(transaction, type, data, clock->wall());
        };
}

}  // namespace strandline::fleet
