#include <fmt/core.h>

#include "fleet/deployment_rows.h"
#include "fleet/report_rows.h"
#include "registry/statement.h"

namespace strandline::fleet {
namespace {

using registry::Statement;
using store::Row;
using store::Transaction;

std::string key_of(std::string_view text) { return sha256(text).hex(); }

void add_release(std::string& out, const std::optional<trust::ReportedRelease>& release) {
    if (!release) {
        out += "-\n";
        return;
    }
    out += release->package + '\n' + release->version + '\n' + release->manifest.hex() + '\n';
    for (const auto& [path, digest] : release->files) out += path + '\n' + digest.hex() + '\n';
}

std::string files_key(const trust::Report& report) {
    std::string text;
    for (const auto& slot : report.slots) {
        text += slot.slot + '\n';
        add_release(text, slot.active);
        add_release(text, slot.previous);
    }
    return key_of(text);
}

std::string status_key(const trust::Report& report, const std::string& files) {
    std::string text = fmt::format("{}\n{}\n{}\n", files, report.generation, report.agent_version);
    for (const auto& slot : report.slots) {
        text += fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n", slot.slot, slot.state, slot.deployment,
                            slot.serving, slot.self_test, slot.error ? slot.error->reason : "");
    }
    return key_of(text);
}

Status add_files(Transaction& transaction, const trust::Report& report,
                 const trust::ReportedSlot& slot,
                 const std::optional<trust::ReportedRelease>& release, std::string_view role) {
    if (!release) return {};
    for (const auto& [path, digest] : release->files) {
        TRY(transaction.execute(
            "INSERT INTO device_files (device_id, slot, role, path, package, version, manifest, "
            "sha256) "
            "VALUES (:1, :2, :3, :4, :5, :6, :7, :8) ON CONFLICT DO NOTHING",
            {report.device, slot.slot, std::string(role), path, release->package, release->version,
             release->manifest.hex(), digest.hex()}));
    }
    return {};
}

Status replace_files(Transaction& transaction, const trust::Report& report) {
    TRY(transaction.execute("DELETE FROM device_files WHERE device_id = :1", {report.device}));
    for (const auto& slot : report.slots) {
        TRY(add_files(transaction, report, slot, slot.active, "active"));
        TRY(add_files(transaction, report, slot, slot.previous, "previous"));
    }
    return {};
}

// NULL keys when there was no report yet.
Status save_body(Transaction& transaction, const trust::Report& report, const std::string& body,
                 const Row& stored, ReportNews& news) {
    const std::string files = files_key(report);
    const std::string status = status_key(report, files);
    news.files_changed = stored.optional_text(5) != files;
    news.status_changed = stored.optional_text(6) != status;
    TRY(
        transaction.execute("INSERT INTO device_reports (device_id, report, files_key, status_key) "
                            "VALUES (:1, :2, :3, :4) "
                            "ON CONFLICT (device_id) DO UPDATE SET report = excluded.report, "
                            "files_key = excluded.files_key, status_key = excluded.status_key",
                            {report.device, body, files, status}));
    if (news.files_changed) return replace_files(transaction, report);
    return {};
}

Status update_device(Transaction& transaction, const trust::Report& report, WallTime now) {
    TRY(transaction.execute(
        "UPDATE devices SET report_boot = :1, report_sequence = :2, reported_generation = :3, "
        "agent_version = :4, arch = CASE WHEN :5 = '' THEN arch ELSE :6 END, last_seen_ms = :7, "
        "online = 1, boot = CASE WHEN boot < :8 THEN :9 ELSE boot END WHERE id = :10",
        {report.boot, report.sequence, report.generation, report.agent_version,
         report.resources.arch, report.resources.arch, to_unix_ms(now), report.boot, report.boot,
         report.device}));
    return {};
}

}  // namespace

Result<ReportNews> save_report(Transaction& transaction, const trust::Report& report,
                               WallTime now) {
    TRY(const auto stored,
        transaction.query_one("SELECT d.report_boot, d.report_sequence, d.revoked_ms, d.online, "
                              "COALESCE(g.generation, 0), "
                              "b.files_key, b.status_key FROM devices d LEFT JOIN device_desired g "
                              "ON g.device_id = d.id "
                              "LEFT JOIN device_reports b ON b.device_id = d.id WHERE d.id = :1",
                              {report.device}));
    if (!stored) {
        return fail(Errc::not_found,
                    fmt::format("device {} is unknown", report.device.substr(0, 64)));
    }
    if (!stored->is_null(2)) {
        return fail(Errc::unauthenticated, fmt::format("device {} is revoked", report.device));
    }
    ReportNews news;
    news.generation = stored->integer(4);
    const auto known = std::pair(stored->integer(0), stored->integer(1));
    news.fell_back = report.boot < known.first;
    if (std::pair(report.boot, report.sequence) <= known) return news;
    news.accepted = true;
    news.came_online = stored->integer(3) == 0;
    // What is stored is read again for each list of devices. Written anew a report may be longer
    // than it came, by its escapes.
    const auto body = trust::to_json(report);
    if (body.size() > trust::max_report_bytes) {
        return fail(Errc::invalid,
                    fmt::format("report of device {}: {} bytes, at most {} are kept", report.device,
                                body.size(), trust::max_report_bytes));
    }
    TRY(update_device(transaction, report, now));
    TRY(save_body(transaction, report, body, *stored, news));
    return news;
}

Result<std::vector<OpenRow>> current_rows(Transaction& transaction, std::string_view device) {
    TRY(const auto slots,
        transaction.query("SELECT s.deployment_id, s.slot, r.manifest, r.id, r.package "
                          "FROM device_slots s JOIN releases r ON r.id = s.release_id "
                          "WHERE s.device_id = :1 ORDER BY s.slot",
                          {std::string(device)}));
    std::vector<OpenRow> open;
    for (const auto& row : slots) {
        OpenRow item;
        item.target.deployment = row.text(0);
        item.target.slot = row.text(1);
        TRY(item.target.manifest, Sha256Digest::from_hex(row.text(2)));
        item.release = row.text(3);
        item.package = row.text(4);
        Statement statement = select_rows();
        statement.condition("deployment_id = ").bind(item.target.deployment);
        statement.condition("device_id = ").bind(std::string(device));
        TRY(auto rows, fetch_rows(transaction, statement));
        if (rows.empty()) continue;
        item.row = std::move(rows.front());
        open.push_back(std::move(item));
    }
    return open;
}

}  // namespace strandline::fleet
