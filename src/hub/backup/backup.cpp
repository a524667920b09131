#include "hub/backup/backup.h"

#include <fmt/core.h>

#include "base/file.h"
#include "base/log.h"
#include "base/version.h"
#include "hub/backup/copy_files.h"
#include "hub/state/blob_hold.h"
#include "hub/state/state_folder.h"
#include "registry/blob_references.h"
#include "store/sql/database.h"
#include "store/sql/sqlite_file.h"
#include "trust/authority.h"

namespace strandline::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds hold_deadline{120};
constexpr std::size_t max_pem = 64 * 1024;

Result<fs::path> database_file(const HubConfig& config) {
    auto file = store::sqlite_file_of(config.effective_database_url());
    if (file) return *std::move(file);
    return fail(Errc::invalid,
                "the database is PostgreSQL: back it up with pg_dump, and the state folder with "
                "this hub stopped; docs/operations/backup.md says how");
}

// Uploads that are under way are not part of a backup: their clients begin again.
Result<std::vector<Sha256Digest>> tidy_copy(const fs::path& file) {
    TRY(const int schema, store::sqlite_schema_version(file));
    const int known = static_cast<int>(store::hub_migrations().size());
    if (schema != known) {
        return fail(Errc::conflict,
                    fmt::format("the database has schema {}, this program knows {}; start the hub "
                                "with this version before",
                                schema, known));
    }
    store::DatabaseOptions options;
    options.url = "sqlite:" + file.string();
    options.sessions = 1;
    TRY(const auto database, store::Database::open(options, store::hub_migrations()));
    TRY(database->write<void>([](store::Transaction& t) -> Status {
        TRY(t.execute("DELETE FROM uploads"));
        return {};
    }));
    return registry::BlobReferences(*database).all();
}

Status copy_keys(const fs::path& state, const fs::path& target, BackupRecord& record) {
    std::error_code failed;
    const auto folder = state / "keys";
    for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end;
         at.increment(failed)) {
        if (!at->is_regular_file()) continue;
        const auto name = fs::relative(at->path(), state, failed).string();
        TRY(auto file, copy_small_file(at->path(), target, name));
        record.files.push_back(std::move(file));
    }
    if (failed) return error_from_errno(folder.string(), failed.value());
    TRY(const auto ca, read_text_file(folder / "ca" / "ca.crt", max_pem));
    TRY(record.ca_sha256, trust::certificate_sha256(ca));
    return {};
}

Status copy_referenced_blobs(const fs::path& state, const fs::path& target,
                             std::span<const Sha256Digest> digests, BackupRecord& record) {
    TRY(const auto from, store::BlobStore::open(state));
    TRY(const auto to, store::BlobStore::open(target));
    record.blobs = digests.size();
    TRY(record.blob_bytes, copy_blobs(*from, *to, digests));
    return {};
}

}  // namespace

Result<BackupRecord> back_up(const HubConfig& config, const fs::path& config_file,
                             const fs::path& target) {
    TRY(const auto database, database_file(config));
    TRY(require_hub(config.state));
    TRY(const bool vacant, is_vacant(target));
    if (!vacant) {
        return fail(Errc::conflict, target.string() + " is not empty; give --to a new folder");
    }
    TRY(make_folders(target));
    TRY(const auto hold, BlobHold::together(config.state, Deadline::after(hold_deadline)));
    BackupRecord record;
    record.version = program_version;
    record.made = system_clock().wall();
    TRY(store::copy_sqlite(database, target / "hub.db"));
    TRY(const auto digests, tidy_copy(target / "hub.db"));
    TRY(record.schema, store::sqlite_schema_version(target / "hub.db"));
    TRY(auto copied, describe_file(target, "hub.db"));
    record.files.push_back(std::move(copied));
    TRY(copy_keys(config.state, target, record));
    if (!config_file.empty()) {
        TRY(auto file, copy_small_file(config_file, target, "strandline.toml"));
        record.files.push_back(std::move(file));
    }
    TRY(copy_referenced_blobs(config.state, target, digests, record));
    TRY(write_file_atomically(target / "backup.json", as_bytes(to_json(record))));
    return record;
}

}  // namespace strandline::hub
