#include "fleet/device_store.h"

#include <algorithm>
#include <fmt/core.h>

#include "fleet/device_rows.h"
#include "fleet/event_log.h"
#include "fleet/members.h"
#include "registry/columns_json.h"
#include "registry/statement.h"

namespace strandline::fleet {
namespace {

using registry::Statement;
using store::Transaction;

Error unknown(std::string_view id) {
    return fail(Errc::not_found, fmt::format("device {} is unknown", id.substr(0, 64)));
}

constexpr std::size_t max_label_filters = 8;

void add_members(Statement& statement, const Selector& selector) {
    statement.condition("");
    members_of(selector)(statement);
}

void add_filter(Statement& statement, const DeviceFilter& filter) {
    Selector selector;
    if (!filter.cluster.empty()) {
        selector.kind = SelectorKind::cluster;
        selector.cluster = filter.cluster;
        add_members(statement, selector);
    }
    // One by one: two values of the same key are two conditions, which nothing meets.
    selector.kind = SelectorKind::labels;
    for (const auto& [key, value] : filter.labels) {
        selector.labels = {{key, value}};
        add_members(statement, selector);
    }
    if (filter.online) statement.condition("d.online = ").bind(std::int64_t{*filter.online});
}

Result<PresenceOutcome> set_presence(Transaction& transaction, const PresenceChange& change,
                                     WallTime now) {
    TRY(const auto row,
        transaction.query_one("SELECT online, boot, revoked_ms FROM devices WHERE id = :1",
                              {change.device}));
    if (!row) return PresenceOutcome::unknown_device;
    // Sent before the broker cut the device off, and read after it was revoked.
    if (change.online && !row->is_null(2)) return PresenceOutcome::unchanged;
    // A will of an older boot may arrive after the device has come back.
    if (change.boot < row->integer(1)) return PresenceOutcome::unchanged;
    const bool changed = (row->integer(0) != 0) != change.online;
    if (!changed && change.boot == row->integer(1)) return PresenceOutcome::unchanged;
    TRY(transaction.execute(
        "UPDATE devices SET online = :1, boot = :2, last_seen_ms = :3 WHERE id = :4",
        {std::int64_t{change.online}, change.boot, to_unix_ms(now), change.device}));
    if (!changed) return PresenceOutcome::unchanged;
    TRY(EventLog::append(transaction, change.online ? "device.online" : "device.offline",
                         registry::event_json({{"device", change.device}}), now));
    return PresenceOutcome::changed;
}

}  // namespace

Status DeviceStore::require(Transaction& transaction, std::string_view id) {
    TRY(const auto row,
        transaction.query_one("SELECT 1 FROM devices WHERE id = :1", {std::string(id)}));
    if (!row) return unknown(id);
    return {};
}

Result<Traits> DeviceStore::traits(Transaction& transaction, std::string_view id) {
    TRY(require(transaction, id));
    Traits traits;
    traits.device = id;
    TRY(const auto labels,
        transaction.query("SELECT label_key, label_value FROM device_labels WHERE device_id = :1",
                          {traits.device}));
    for (const auto& row : labels) traits.labels.emplace(row.text(0), row.text(1));
    TRY(const auto clusters,
        transaction.query("SELECT cluster FROM cluster_members WHERE device_id = :1",
                          {traits.device}));
    for (const auto& row : clusters) traits.clusters.insert(row.text(0));
    return traits;
}

Result<std::vector<std::string>> DeviceStore::select(Transaction& transaction,
                                                     const Selector& selector) {
    std::vector<std::string> ids;
    for (const auto& part : split(selector)) {
        Statement statement("SELECT d.id FROM devices d WHERE d.revoked_ms IS NULL AND ");
        members_of(part)(statement);
        TRY(const auto rows, statement.query(transaction));
        ids.reserve(ids.size() + rows.size());
        for (const auto& row : rows) ids.push_back(row.text(0));
    }
    // Not by the database: its collation may put a-1 before B-2.
    std::sort(ids.begin(), ids.end());
    return ids;
}

Result<Device> DeviceStore::get(std::string_view id) const {
    return database_->read<Device>([&](Transaction& t) -> Result<Device> {
        Statement statement = select_devices();
        statement.condition("d.id = ").bind(std::string(id));
        TRY(auto devices, fetch_devices(t, statement));
        if (devices.empty()) return unknown(id);
        return std::move(devices.front());
    });
}

Result<registry::Page<Device>> DeviceStore::list(const DeviceFilter& filter,
                                                 const registry::PageRequest& page) const {
    if (filter.labels.size() > max_label_filters) {
        return fail(Errc::invalid, fmt::format("label: at most {} at once", max_label_filters));
    }
    const auto limit = registry::page_limit(page);
    Statement statement = select_devices();
    statement.condition("d.id > ").bind(page.cursor);
    add_filter(statement, filter);
    statement.add(" ORDER BY d.id LIMIT ").bind(static_cast<std::int64_t>(limit + 1));
    TRY(auto devices, database_->read<std::vector<Device>>(
                          [&](Transaction& t) { return fetch_devices(t, statement); }));
    for (auto& device : devices) device.resources = {};
    return registry::make_page(std::move(devices), limit,
                               [](const Device& device) { return device.id; });
}

Result<DeviceCounts> DeviceStore::counts() const {
    return database_->read<DeviceCounts>([&](Transaction& t) -> Result<DeviceCounts> {
        TRY(const auto row,
            t.query_one("SELECT COUNT(*), COALESCE(CAST(SUM(online) AS BIGINT), 0), "
                        "COUNT(revoked_ms) FROM devices"));
        return DeviceCounts{row->integer(0), row->integer(1), row->integer(2)};
    });
}

Result<std::vector<PresenceOutcome>> DeviceStore::set_online(
    std::span<const PresenceChange> changes) {
    using Outcomes = std::vector<PresenceOutcome>;
    const auto now = clock_->wall();
    return database_->write<Outcomes>([&](Transaction& t) -> Result<Outcomes> {
        Outcomes outcomes;
        outcomes.reserve(changes.size());
        for (const auto& change : changes) {
            TRY(const auto outcome, set_presence(t, change, now));
            outcomes.push_back(outcome);
        }
        return outcomes;
    });
}

Result<std::vector<std::string>> DeviceStore::expire_presence(std::chrono::milliseconds silence) {
    const auto now = clock_->wall();
    return database_->write<std::vector<std::string>>(
        [&](Transaction& t) -> Result<std::vector<std::string>> {
            TRY(const auto rows,
                t.query("UPDATE devices SET online = 0 WHERE online = 1 AND last_seen_ms < :1 "
                        "RETURNING id",
                        {to_unix_ms(now - silence)}));
            std::vector<std::string> ids;
            for (const auto& row : rows) {
                ids.push_back(row.text(0));
                TRY(EventLog::append(t, "device.offline",
                                     registry::event_json({{"device", row.text(0)}}), now));
            }
            return ids;
        });
}

Status DeviceStore::touch(std::string_view id) {
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(const auto changed, t.execute("UPDATE devices SET last_seen_ms = :1 WHERE id = :2",
                                          {to_unix_ms(clock_->wall()), std::string(id)}));
        if (changed == 0) return unknown(id);
        return {};
    });
}

Status DeviceStore::add_certificate(std::string_view id,
                                    const trust::IssuedCertificate& certificate) {
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(const auto row,
            t.query_one("SELECT 1 FROM devices WHERE id = :1 AND revoked_ms IS NULL",
                        {std::string(id)}));
        if (!row) return unknown(id);
        return insert_certificate(t, id, certificate, clock_->wall());
    });
}

Status DeviceStore::check_certificate(std::string_view id, std::string_view serial) const {
    return database_->read<void>([&](Transaction& t) -> Status {
        TRY(const auto row,
            t.query_one("SELECT 1 FROM device_certificates c JOIN devices d ON d.id = c.device_id "
                        "WHERE c.serial = :1 AND c.device_id = :2 AND c.revoked_ms IS NULL "
                        "AND d.revoked_ms IS NULL",
                        {std::string(serial), std::string(id)}));
        if (row) return {};
        return fail(Errc::unauthenticated,
                    fmt::format("device {}: its certificate is revoked or unknown; enrol it again",
                                id.substr(0, 64)));
    });
}

Result<std::vector<trust::Revoked>> DeviceStore::revoked_certificates() const {
    return database_->read<std::vector<trust::Revoked>>([&](Transaction& t)
                                                            -> Result<std::vector<trust::Revoked>> {
        TRY(const auto rows,
            t.query(
                "SELECT serial, revoked_ms FROM device_certificates "
                "WHERE revoked_ms IS NOT NULL AND not_after_ms > :1 ORDER BY revoked_ms, serial",
                {to_unix_ms(clock_->wall())}));
        std::vector<trust::Revoked> revoked;
        revoked.reserve(rows.size());
        for (const auto& row : rows) {
            revoked.push_back({row.text(0), from_unix_ms(row.integer(1))});
        }
        return revoked;
    });
}

Result<std::int64_t> DeviceStore::next_crl_number() {
    return database_->write<std::int64_t>([&](Transaction& t) -> Result<std::int64_t> {
        TRY(const auto row, t.query_one("UPDATE counters SET value = value + 1 WHERE name = 'crl' "
                                        "RETURNING value"));
        if (!row) return fail(Errc::internal, "CRL: the counter is missing");
        return row->integer(0);
    });
}

}  // namespace strandline::fleet
