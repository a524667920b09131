#include <fcntl.h>
#include <fmt/core.h>

#include "base/file.h"
#include "base/log.h"
#include "hub/backup/backup.h"
#include "hub/backup/copy_files.h"
#include "hub/hub_parts.h"
#include "hub/state/key_rotation.h"
#include "store/sql/sqlite_file.h"
#include "trust/envelope.h"

namespace strandline::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_record_bytes = std::size_t{1} << 20;
constexpr std::size_t batch = 200;

Result<BackupRecord> read_record(const fs::path& backup) {
    const auto text = read_text_file(backup / "backup.json", max_record_bytes);
    if (!text && text.error().code == Errc::not_found) {
        return fail(Errc::not_found, backup.string() +
                                         " holds no backup.json: it is no backup, or one that was "
                                         "interrupted");
    }
    if (!text) return text.error();
    return backup_record_from_json(*text);
}

// Byte by byte: SQLite would write to the backup when it opens it.
Status copy_database(const fs::path& backup, const fs::path& target, const std::string& name) {
    std::error_code failed;
    fs::copy_file(backup / name, target / name, failed);
    if (failed) return error_from_errno("copy " + name, failed.value());
    TRY(const auto copy, open_file(target / name, O_RDONLY));
    TRY(sync_file(copy.get(), target / name));
    return sync_folder(target);
}

Status copy_file(const fs::path& backup, const fs::path& target, const BackupFile& file) {
    TRY(const auto found, describe_file(backup, file.path));
    if (found != file) {
        return fail(
            Errc::corrupt,
            fmt::format("{}: {} bytes with sha256 {}, the backup was made with {} bytes "
                        "and {}; use another backup",
                        file.path, found.size, found.digest.hex(), file.size, file.digest.hex()));
    }
    if (file.path == "hub.db") return copy_database(backup, target, file.path);
    if (!file.path.starts_with("keys/")) return {};  // the configuration is for people
    TRY(copy_small_file(backup / file.path, target, file.path));
    return {};
}

Status check_database(const fs::path& target) {
    const auto file = target / "hub.db";
    if (!fs::exists(file)) return fail(Errc::corrupt, "the backup has no hub.db");
    return store::check_sqlite(file);
}

Status check_manifests(Storage& storage) {
    registry::PageRequest request;
    request.limit = batch;
    while (true) {
        TRY(const auto page, storage.domain->releases.manifests(request));
        for (const auto& digest : page.items) {
            TRY(const auto text, storage.domain->releases.manifest_envelope(digest));
            TRY(const auto envelope, trust::envelope_from_json(text));
            const auto payload = trust::verify_envelope(envelope, trust::manifest_type,
                                                        storage.keys.keyset.manifest);
            if (!payload) return context("manifest " + digest.hex(), payload.error());
        }
        if (!page.next) return {};
        request.cursor = *page.next;
    }
}

Status check_desired_states(Storage& storage) {
    registry::PageRequest request;
    request.limit = batch;
    while (true) {
        TRY(const auto page, storage.domain->desired.list(request));
        for (const auto& record : page.items) {
            TRY(const auto envelope, trust::envelope_from_json(record.envelope));
            const auto payload =
                trust::verify_envelope(envelope, trust::desired_type, storage.keys.keyset.desired);
            if (!payload) return context("desired state of " + record.device, payload.error());
        }
        if (!page.next) return {};
        request.cursor = *page.next;
    }
}

Status check_signatures(Storage& storage, const BackupRecord& record) {
    if (storage.authority->certificate_sha256() != record.ca_sha256) {
        return fail(Errc::corrupt, "the CA's certificate is not the one that the backup names");
    }
    TRY(check_manifests(storage));
    return check_desired_states(storage);
}

// Above whatever was given out since the backup. Time alone does for it: no hub makes a generation
// of one device each millisecond, or a key set each second. Should the clock be wrong, devices that
// are ahead report it (fleet_reports.cpp).
Status begin_epoch(Storage& storage, const Clock& clock, Restored& restored) {
    const auto now = to_unix_ms(clock.wall());
    restored.generation_floor = now;
    TRY(storage.domain->fleet.raise_generations(now));
    TRY(const auto rotated, rotate_hub_keys(storage, now / 1000));
    restored.keyset_version = rotated.keyset_version;
    fleet::AuditEntry entry;
    entry.actor = "strandlined";
    entry.action = "hub.restore";
    entry.object = "backup of " + to_rfc3339(restored.record.made);
    entry.outcome = "ok";
    return storage.domain->audit.append(entry);
}

Status rebuild(const HubConfig& config, const Clock& clock, const fs::path& backup,
               Restored& restored) {
    TRY(make_folders(config.state));
    for (const auto& file : restored.record.files) TRY(copy_file(backup, config.state, file));
    TRY(check_database(config.state));
    TRY(const auto storage, open_storage(config, clock));
    TRY(check_signatures(*storage, restored.record));
    TRY(const auto digests, storage->domain->references.all());
    TRY(const auto from, store::BlobStore::open(backup));
    TRY(copy_blobs(*from, *storage->blobs, digests));
    return begin_epoch(*storage, clock, restored);
}

Status swap_in(const fs::path& part, const fs::path& state) {
    std::error_code failed;
    fs::remove(state, failed);  // empty, or not there
    fs::rename(part, state, failed);
    if (failed) return error_from_errno("rename to " + state.string(), failed.value());
    return sync_folder(state.parent_path());
}

}  // namespace

Result<Restored> restore_backup(const HubConfig& config, const Clock& clock,
                                const fs::path& backup) {
    if (!config.database.url.empty()) {
        return fail(Errc::invalid,
                    "database.url is set, and a backup is restored to hub.db in the state folder; "
                    "take the key out of the configuration");
    }
    Restored restored;
    TRY(restored.record, read_record(backup));
    TRY(const bool vacant, is_vacant(config.state));
    if (!vacant) {
        return fail(Errc::conflict,
                    config.state.string() + " is not empty; move it away, or give another --state");
    }
    auto state = fs::absolute(config.state).lexically_normal();
    if (!state.has_filename()) state = state.parent_path();  // "folder/"
    auto part = config;
    part.state = state.string() + ".restoring";
    std::error_code failed;
    fs::remove_all(part.state, failed);  // of a restore that was interrupted
    const auto done = rebuild(part, clock, backup, restored);
    if (!done) {
        fs::remove_all(part.state, failed);
        return done.error();
    }
    TRY(swap_in(part.state, state));
    return restored;
}

}  // namespace strandline::hub
