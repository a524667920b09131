#include "registry/legacy_file_store.h"

#include <fmt/core.h>

#include "registry/statement.h"

namespace strandline::registry {
namespace {

using store::Row;
using store::Transaction;

constexpr std::string_view columns =
    "SELECT id, title, description, version, filename, sha256, size, release_id, uploaded_ms "
    "FROM legacy_files";
constexpr std::int64_t list_batch = 1000;

Result<LegacyFile> file_of(const Row& row) {
    LegacyFile file;
    file.id = row.integer(0);
    file.title = row.text(1);
    file.description = row.text(2);
    file.version = row.text(3);
    file.filename = row.text(4);
    TRY(file.blob, Sha256Digest::from_hex(row.text(5)));
    file.size = static_cast<std::uint64_t>(row.integer(6));
    file.release = row.optional_text(7).value_or("");
    file.uploaded = from_unix_ms(row.integer(8));
    return file;
}

Result<LegacyFile> fetch_one(Transaction& transaction, const Statement& statement,
                             const std::string& what) {
    TRY(const auto rows, statement.query(transaction));
    if (rows.empty()) return fail(Errc::not_found, what + " is unknown");
    return file_of(rows.front());
}

store::SqlValue release_value(const LegacyFile& file) {
    return file.release.empty() ? store::SqlValue() : store::SqlValue(file.release);
}

Error taken(const LegacyFile& file) {
    return fail(Errc::conflict,
                fmt::format("title {} version {} exists", file.title, file.version));
}

// Before writing: a failed statement would lose the transaction.
Result<bool> is_taken(Transaction& transaction, const LegacyFile& file) {
    TRY(const auto row,
        transaction.query_one(
            "SELECT 1 FROM legacy_files WHERE title = :1 AND version = :2 AND id <> :3",
            {file.title, file.version, file.id}));
    return row.has_value();
}

}  // namespace

Result<LegacyFile> LegacyFileStore::add(LegacyFile file) {
    file.id = 0;
    file.uploaded = clock_->wall();
    return database_->write<LegacyFile>([&](Transaction& t) -> Result<LegacyFile> {
        TRY(const bool exists, is_taken(t, file));
        if (exists) return taken(file);
        TRY(const auto row,
            t.query_one(
                "INSERT INTO legacy_files (title, description, version, filename, sha256, size, "
                "release_id, uploaded_ms) VALUES (:1, :2, :3, :4, :5, :6, :7, :8) RETURNING id",
                {file.title, file.description, file.version, file.filename, file.blob.hex(),
                 static_cast<std::int64_t>(file.size), release_value(file),
                 to_unix_ms(file.uploaded)}));
        LegacyFile added = file;
        added.id = row->integer(0);
        return added;
    });
}

Result<LegacyFile> LegacyFileStore::get(std::int64_t id) const {
    Statement statement(columns);
    statement.condition("id = ").bind(id);
    return database_->read<LegacyFile>(
        [&](Transaction& t) { return fetch_one(t, statement, fmt::format("file {}", id)); });
}

Result<LegacyFile> LegacyFileStore::find(std::string_view title, std::string_view version) const {
    Statement statement(columns);
    statement.condition("title = ").bind(std::string(title));
    statement.condition("version = ").bind(std::string(version));
    return database_->read<LegacyFile>([&](Transaction& t) {
        return fetch_one(t, statement, fmt::format("title {} version {}", title, version));
    });
}

Result<LegacyFile> LegacyFileStore::find_file(std::string_view title,
                                              std::string_view filename) const {
    Statement statement(columns);
    statement.condition("title = ").bind(std::string(title));
    statement.condition("filename = ").bind(std::string(filename));
    statement.add(" ORDER BY id DESC LIMIT 1");
    return database_->read<LegacyFile>([&](Transaction& t) {
        return fetch_one(t, statement, fmt::format("file {}/{}", title, filename));
    });
}

Result<std::vector<LegacyFile>> LegacyFileStore::list(std::int64_t after) const {
    Statement statement(columns);
    statement.condition("id > ").bind(after).add(" ORDER BY id LIMIT ").bind(list_batch);
    TRY(const auto rows,
        database_->read<std::vector<Row>>([&](Transaction& t) { return statement.query(t); }));
    std::vector<LegacyFile> files;
    for (const auto& row : rows) {
        TRY(auto file, file_of(row));
        files.push_back(std::move(file));
    }
    return files;
}

Status LegacyFileStore::update(const LegacyFile& file) {
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(const bool exists, is_taken(t, file));
        if (exists) return taken(file);
        TRY(const auto changed,
            t.execute("UPDATE legacy_files SET title = :1, description = :2, version = :3, "
                      "filename = :4, sha256 = :5, size = :6, release_id = :7 WHERE id = :8",
                      {file.title, file.description, file.version, file.filename, file.blob.hex(),
                       static_cast<std::int64_t>(file.size), release_value(file), file.id}));
        if (changed == 0) return fail(Errc::not_found, fmt::format("file {} is unknown", file.id));
        return {};
    });
}

Status LegacyFileStore::remove(std::int64_t id) {
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(const auto removed, t.execute("DELETE FROM legacy_files WHERE id = :1", {id}));
        if (removed == 0) return fail(Errc::not_found, fmt::format("file {} is unknown", id));
        return {};
    });
}

}  // namespace strandline::registry
