#include <algorithm>
#include <fmt/core.h>
#include <unordered_map>

#include "base/log.h"
#include "fleet/device_rows.h"

namespace strandline::fleet {
namespace {

using registry::Statement;
using store::Row;
using store::Transaction;

using DeviceIndex = std::unordered_map<std::string, Device*>;

Device device_of(const Row& row) {
    Device device;
    device.id = row.text(0);
    device.name = row.text(1);
    device.arch = row.text(2);
    device.agent_version = row.text(3);
    device.online = row.integer(4) != 0;
    device.boot = row.integer(5);
    if (!row.is_null(6)) device.last_seen = from_unix_ms(row.integer(6));
    device.reported_generation = row.integer(7);
    device.revoked = !row.is_null(8);
    device.enrolled = from_unix_ms(row.integer(9));
    device.generation = row.integer(10);
    return device;
}

SlotView& slot_of(Device& device, const std::string& name) {
    for (auto& slot : device.slots) {
        if (slot.slot == name) return slot;
    }
    device.slots.push_back({name, std::nullopt, std::nullopt});
    return device.slots.back();
}

Status add_labels_and_clusters(Transaction& transaction, const std::vector<std::string>& ids,
                               DeviceIndex& index) {
    TRY(const auto labels,
        Statement("SELECT device_id, label_key, label_value FROM device_labels WHERE device_id IN ")
            .bind_list(ids)
            .query(transaction));
    for (const auto& row : labels) index.at(row.text(0))->labels.emplace(row.text(1), row.text(2));
    TRY(const auto clusters,
        Statement("SELECT device_id, cluster FROM cluster_members WHERE device_id IN ")
            .bind_list(ids)
            .add(" ORDER BY device_id, cluster")
            .query(transaction));
    for (const auto& row : clusters) index.at(row.text(0))->clusters.push_back(row.text(1));
    return {};
}

Status add_slots(Transaction& transaction, const std::vector<std::string>& ids,
                 DeviceIndex& index) {
    TRY(const auto desired,
        Statement(
            "SELECT s.device_id, s.slot, r.package, r.version, r.variant, s.deployment_id "
            "FROM device_slots s JOIN releases r ON r.id = s.release_id WHERE s.device_id IN ")
            .bind_list(ids)
            .query(transaction));
    for (const auto& row : desired) {
        slot_of(*index.at(row.text(0)), row.text(1)).desired =
            AssignedSlot{row.text(2), row.text(3), row.text(4), row.text(5)};
    }
    TRY(const auto reports,
        Statement("SELECT device_id, report FROM device_reports WHERE device_id IN ")
            .bind_list(ids)
            .query(transaction));
    for (const auto& row : reports) {
        auto report = trust::report_from_json(row.text(1));
        if (!report) {
            // One bad row must not hide the whole fleet.
            log_warn("stored report not readable device={} error=\"{}\"", row.text(0),
                     report.error().message);
            continue;
        }
        Device& device = *index.at(row.text(0));
        device.resources = std::move(report->resources);
        for (auto& slot : report->slots) {
            SlotView& view = slot_of(device, slot.slot);
            view.reported = std::move(slot);
        }
    }
    for (auto& [id, device] : index) {
        std::sort(device->slots.begin(), device->slots.end(),
                  [](const SlotView& a, const SlotView& b) { return a.slot < b.slot; });
    }
    return {};
}

Status add_certificates(Transaction& transaction, const std::vector<std::string>& ids,
                        DeviceIndex& index) {
    TRY(const auto rows,
        Statement(
            "SELECT device_id, serial, not_after_ms FROM device_certificates WHERE device_id IN ")
            .bind_list(ids)
            .add(" ORDER BY device_id, issued_ms, not_after_ms")
            .query(transaction));
    for (const auto& row : rows) {
        Device& device = *index.at(row.text(0));
        device.certificate_serial = row.text(1);
        device.certificate_not_after = from_unix_ms(row.integer(2));
    }
    return {};
}

}  // namespace

Statement select_devices() {
    return Statement(
        "SELECT d.id, d.name, d.arch, d.agent_version, d.online, d.boot, d.last_seen_ms, "
        "d.reported_generation, d.revoked_ms, d.enrolled_ms, COALESCE(g.generation, 0) "
        "FROM devices d LEFT JOIN device_desired g ON g.device_id = d.id");
}

Result<std::vector<Device>> fetch_devices(Transaction& transaction, const Statement& statement) {
    TRY(const auto rows, statement.query(transaction));
    std::vector<Device> devices;
    devices.reserve(rows.size());
    for (const auto& row : rows) devices.push_back(device_of(row));
    if (devices.empty()) return devices;
    DeviceIndex index;
    std::vector<std::string> ids;
    for (auto& device : devices) {
        index.emplace(device.id, &device);
        ids.push_back(device.id);
    }
    TRY(add_labels_and_clusters(transaction, ids, index));
    TRY(add_slots(transaction, ids, index));
    TRY(add_certificates(transaction, ids, index));
    return devices;
}

Status insert_device(Transaction& transaction, const NewDevice& device, WallTime now) {
    TRY(const auto added,
        transaction.execute(
            "INSERT INTO devices (id, name, arch, enrolled_ms, join_token, join_key) "
            "VALUES (:1, :2, :3, :4, :5, :6) ON CONFLICT DO NOTHING",
            {device.id, device.id, device.arch, to_unix_ms(now), device.join_token,
             device.join_key}));
    if (added == 0) {
        return fail(Errc::conflict,
                    fmt::format("device {} exists; choose another name, or delete the "
                                "old device first",
                                device.id));
    }
    // Its retained messages are its own again. The row stays: it holds the floor of the generation.
    TRY(transaction.execute("UPDATE retired_devices SET cleared = 1 WHERE id = :1", {device.id}));
    return replace_labels(transaction, device.id, device.labels);
}

Result<std::optional<std::string>> find_joined(Transaction& transaction, const trust::Token& token,
                                               const Sha256Digest& key, WallTime now) {
    TRY(const auto row,
        transaction.query_one("SELECT d.id, t.secret_hash FROM devices d JOIN join_tokens t "
                              "ON t.id = d.join_token WHERE d.join_token = :1 AND d.join_key = :2 "
                              "AND d.revoked_ms IS NULL AND t.expires_ms > :3",
                              {token.id, key.hex(), to_unix_ms(now)}));
    if (!row) return std::optional<std::string>{};
    TRY(const auto secret, Sha256Digest::from_hex(row->text(1)));
    if (!trust::secret_matches(token.secret, secret)) return std::optional<std::string>{};
    return std::optional<std::string>{row->text(0)};
}

Status insert_certificate(Transaction& transaction, std::string_view device,
                          const trust::IssuedCertificate& certificate, WallTime now) {
    TRY(transaction.execute(
        "INSERT INTO device_certificates (serial, device_id, issued_ms, not_after_ms) "
        "VALUES (:1, :2, :3, :4)",
        {certificate.serial, std::string(device), to_unix_ms(now),
         to_unix_ms(certificate.not_after)}));
    return {};
}

Status rename_device(Transaction& transaction, std::string_view device, const std::string& name) {
    TRY(transaction.execute("UPDATE devices SET name = :1 WHERE id = :2",
                            {name, std::string(device)}));
    return {};
}

Status replace_labels(Transaction& transaction, std::string_view device,
                      const std::map<std::string, std::string>& labels) {
    const std::string id(device);
    TRY(transaction.execute("DELETE FROM device_labels WHERE device_id = :1", {id}));
    for (const auto& [key, value] : labels) {
        TRY(
            transaction.execute("INSERT INTO device_labels (device_id, label_key, label_value) "
                                "VALUES (:1, :2, :3)",
                                {id, key, value}));
    }
    return {};
}

Status retire_device(Transaction& transaction, std::string_view device, WallTime now) {
    const std::string id(device);
    transaction.end_access();
    TRY(
        transaction.execute("UPDATE devices SET revoked_ms = :1, online = 0 WHERE id = :2 "
                            "AND revoked_ms IS NULL",
                            {to_unix_ms(now), id}));
    TRY(
        transaction.execute("UPDATE device_certificates SET revoked_ms = :1 WHERE device_id = :2 "
                            "AND revoked_ms IS NULL",
                            {to_unix_ms(now), id}));
    TRY(transaction.execute(
        "INSERT INTO retired_devices (id, generation, cleared) SELECT d.id, COALESCE(g.generation, "
        "0), 0 "
        "FROM devices d LEFT JOIN device_desired g ON g.device_id = d.id WHERE d.id = :1 "
        "ON CONFLICT (id) DO UPDATE SET cleared = 0, generation = "
        "CASE WHEN excluded.generation > retired_devices.generation THEN excluded.generation "
        "ELSE retired_devices.generation END",
        {id}));
    return {};
}

Status delete_device(Transaction& transaction, std::string_view device) {
    transaction.end_access();
    TRY(transaction.execute("DELETE FROM devices WHERE id = :1", {std::string(device)}));
    return {};
}

}  // namespace strandline::fleet
