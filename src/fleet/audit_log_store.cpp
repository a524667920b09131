#include "base/utf8.h"
#include "fleet/audit_log.h"
#include "registry/statement.h"

namespace strandline::fleet {
namespace {

using store::Transaction;

constexpr std::size_t text_limit = 500;

// What was done may be named by whoever tried it.
std::string cut(const std::string& text) { return clean_text(printable(text), text_limit); }

}  // namespace

Status AuditLog::append(const AuditEntry& entry) {
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(
            t.execute("INSERT INTO audit_log (time_ms, actor, action, object, outcome, address) "
                      "VALUES (:1, :2, :3, :4, :5, :6)",
                      {to_unix_ms(clock_->wall()), cut(entry.actor), cut(entry.action),
                       cut(entry.object), cut(entry.outcome), cut(entry.address)}));
        return {};
    });
}

Result<registry::Page<AuditEntry>> AuditLog::list(const registry::PageRequest& page) const {
    TRY(const auto before, registry::sequence_cursor(page, registry::newest_first));
    const auto limit = registry::page_limit(page);
    TRY(const auto rows, database_->read<std::vector<store::Row>>([&](Transaction& t) {
        return t.query(
            "SELECT id, time_ms, actor, action, object, outcome, address FROM audit_log "
            "WHERE id < :1 ORDER BY id DESC LIMIT :2",
            {before, static_cast<std::int64_t>(limit + 1)});
    }));
    std::vector<AuditEntry> entries;
    entries.reserve(rows.size());
    for (const auto& row : rows) {
        entries.push_back({row.integer(0), from_unix_ms(row.integer(1)), row.text(2), row.text(3),
                           row.text(4), row.text(5), row.text(6)});
    }
    return registry::make_page(std::move(entries), limit,
                               [](const AuditEntry& entry) { return std::to_string(entry.id); });
}

}  // namespace strandline::fleet
