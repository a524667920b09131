#include "fleet/desired_store.h"

#include <fmt/core.h>

#include "registry/statement.h"

namespace strandline::fleet {
namespace {

using registry::Statement;
using store::Transaction;

constexpr std::string_view columns =
    "SELECT g.device_id, g.generation, g.digest, g.envelope FROM device_desired g "
    "JOIN devices d ON d.id = g.device_id";

Result<std::vector<DesiredRecord>> fetch(Transaction& transaction, const Statement& statement) {
    TRY(const auto rows, statement.query(transaction));
    std::vector<DesiredRecord> records;
    for (const auto& row : rows) {
        TRY(const auto digest, Sha256Digest::from_hex(row.text(2)));
        records.push_back({row.text(0), row.integer(1), digest, row.text(3)});
    }
    return records;
}

Result<bool> exists(store::Database& database, std::string_view sql, std::string_view device,
                    const Sha256Digest& digest) {
    return database.read<bool>([&](Transaction& t) -> Result<bool> {
        TRY(const auto row, t.query_one(sql, {std::string(device), digest.hex()}));
        return row.has_value();
    });
}

}  // namespace

Result<DesiredRecord> DesiredStore::get(std::string_view device) const {
    return database_->read<DesiredRecord>([&](Transaction& t) -> Result<DesiredRecord> {
        Statement statement(columns);
        statement.condition("g.device_id = ").bind(std::string(device));
        TRY(auto records, fetch(t, statement));
        if (records.empty()) {
            return fail(Errc::not_found,
                        fmt::format("device {} has no desired state yet", device.substr(0, 64)));
        }
        return std::move(records.front());
    });
}

Result<registry::Page<DesiredRecord>> DesiredStore::list(const registry::PageRequest& page) const {
    const auto limit = registry::page_limit(page);
    Statement statement(columns);
    statement.condition("d.revoked_ms IS NULL").condition("g.device_id > ").bind(page.cursor);
    statement.add(" ORDER BY g.device_id LIMIT ").bind(static_cast<std::int64_t>(limit + 1));
    TRY(auto records, database_->read<std::vector<DesiredRecord>>(
                          [&](Transaction& t) { return fetch(t, statement); }));
    return registry::make_page(std::move(records), limit,
                               [](const DesiredRecord& record) { return record.device; });
}

Result<std::vector<DesiredRecord>> DesiredStore::unpublished(std::size_t limit) const {
    Statement statement(columns);
    statement.condition("g.unpublished = 1").condition("d.revoked_ms IS NULL");
    statement.add(" ORDER BY g.device_id LIMIT ").bind(static_cast<std::int64_t>(limit));
    return database_->read<std::vector<DesiredRecord>>(
        [&](Transaction& t) { return fetch(t, statement); });
}

Status DesiredStore::mark_published(std::span<const DesiredRecord> records) {
    return database_->write<void>([&](Transaction& t) -> Status {
        for (const auto& record : records) {
            TRY(
                t.execute("UPDATE device_desired SET unpublished = 0, published = generation "
                          "WHERE device_id = :1 AND generation = :2",
                          {record.device, record.generation}));
        }
        return {};
    });
}

Result<std::vector<std::string>> DesiredStore::to_clear(std::size_t limit) const {
    return database_->read<std::vector<std::string>>(
        [&](Transaction& t) -> Result<std::vector<std::string>> {
            TRY(const auto rows,
                t.query("SELECT id FROM retired_devices WHERE cleared = 0 ORDER BY id LIMIT :1",
                        {static_cast<std::int64_t>(limit)}));
            std::vector<std::string> ids;
            ids.reserve(rows.size());
            for (const auto& row : rows) ids.push_back(row.text(0));
            return ids;
        });
}

Status DesiredStore::mark_cleared(std::span<const std::string> devices) {
    return database_->write<void>([&](Transaction& t) -> Status {
        for (const auto& device : devices)
            TRY(t.execute("UPDATE retired_devices SET cleared = 1 WHERE id = :1", {device}));
        return {};
    });
}

Result<bool> DesiredStore::may_read_blob(std::string_view device, const Sha256Digest& blob) const {
    return exists(*database_,
                  "SELECT 1 FROM device_slots s JOIN devices d ON d.id = s.device_id "
                  "JOIN release_files f ON f.release_id = s.release_id "
                  "WHERE s.device_id = :1 AND f.sha256 = :2 AND d.revoked_ms IS NULL LIMIT 1",
                  device, blob);
}

Result<bool> DesiredStore::may_read_manifest(std::string_view device,
                                             const Sha256Digest& manifest) const {
    return exists(*database_,
                  "SELECT 1 FROM device_slots s JOIN devices d ON d.id = s.device_id "
                  "JOIN releases r ON r.id = s.release_id "
                  "WHERE s.device_id = :1 AND r.manifest = :2 AND d.revoked_ms IS NULL LIMIT 1",
                  device, manifest);
}

}  // namespace strandline::fleet
