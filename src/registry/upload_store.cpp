#include "registry/upload_store.h"

#include <fmt/core.h>

#include "base/ids.h"
#include "base/utf8.h"

namespace strandline::registry {
namespace {

using store::Transaction;

constexpr std::size_t filename_limit = 255;
constexpr std::int64_t expired_batch = 1000;
// Of one owner. A push keeps one open, a few at once are thinkable.
constexpr std::int64_t max_open = 256;

Status check_open(Transaction& transaction, const std::string& owner, WallTime now) {
    TRY(const auto row,
        transaction.query_one("SELECT COUNT(*) FROM uploads WHERE owner = :1 AND expires_ms > :2",
                              {owner, to_unix_ms(now)}));
    if (!row || row->integer(0) < max_open) return {};
    return fail(
        Errc::exhausted,
        fmt::format("{} has {} unfinished uploads, which is the limit; finish or delete some",
                    owner, max_open));
}

Error unknown(std::string_view id) {
    return fail(Errc::not_found,
                fmt::format("upload {} is unknown or expired; start a new one", id.substr(0, 64)));
}

Result<Upload> fetch(Transaction& transaction, std::string_view id, WallTime now) {
    TRY(const auto row,
        transaction.query_one("SELECT total_size, received, sha256, filename, owner, created_ms, "
                              "expires_ms FROM uploads WHERE id = :1 AND expires_ms > :2",
                              {std::string(id), to_unix_ms(now)}));
    if (!row) return unknown(id);
    Upload upload;
    upload.id = id;
    upload.length = static_cast<std::uint64_t>(row->integer(0));
    upload.offset = static_cast<std::uint64_t>(row->integer(1));
    if (!row->is_null(2)) {
        TRY(upload.expected, Sha256Digest::from_hex(row->text(2)));
    }
    upload.filename = row->text(3);
    upload.owner = row->text(4);
    upload.created = from_unix_ms(row->integer(5));
    upload.expires = from_unix_ms(row->integer(6));
    return upload;
}

}  // namespace

Result<Upload> UploadStore::create(const UploadRequest& request) {
    if (request.length > static_cast<std::uint64_t>(INT64_MAX)) {
        return fail(Errc::invalid, "upload length: larger than any disk");
    }
    if (request.filename.size() > filename_limit || !is_plain_text(request.filename)) {
        return fail(Errc::invalid,
                    fmt::format("upload filename: at most {} bytes of UTF-8 without control "
                                "characters",
                                filename_limit));
    }
    const auto now = clock_->wall();
    const std::string id = make_id("u");
    return database_->write<Upload>([&](Transaction& t) -> Result<Upload> {
        TRY(check_open(t, request.owner, now));
        TRY(t.execute(
            "INSERT INTO uploads (id, total_size, received, sha256, filename, owner, "
            "created_ms, expires_ms) VALUES (:1, :2, 0, :3, :4, :5, :6, :7)",
            {id, static_cast<std::int64_t>(request.length),
             request.expected ? store::SqlValue(request.expected->hex()) : store::SqlValue(),
             request.filename, request.owner, to_unix_ms(now),
             to_unix_ms(now + request.lifetime)}));
        return fetch(t, id, now);
    });
}

Result<Upload> UploadStore::get(std::string_view id) const {
    return database_->read<Upload>([&](Transaction& t) { return fetch(t, id, clock_->wall()); });
}

Status UploadStore::advance(std::string_view id, std::uint64_t from, std::uint64_t to,
                            std::chrono::seconds lifetime) {
    const auto now = clock_->wall();
    return database_->write<void>([&](Transaction& t) -> Status {
        // It goes on, so it has not expired, however long that took.
        TRY(const auto upload, fetch(t, id, WallTime{}));
        if (upload.offset != from) {
            return fail(Errc::conflict, fmt::format("upload {} is at offset {}, not at {}", id,
                                                    upload.offset, from));
        }
        if (to < from || to > upload.length) {
            return fail(Errc::invalid,
                        fmt::format("upload {}: offset {} is outside of its length {}", id, to,
                                    upload.length));
        }
        TRY(t.execute("UPDATE uploads SET received = :1, expires_ms = :2 WHERE id = :3",
                      {static_cast<std::int64_t>(to), to_unix_ms(now + lifetime), upload.id}));
        return {};
    });
}

Status UploadStore::remove(std::string_view id) {
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(const auto removed, t.execute("DELETE FROM uploads WHERE id = :1", {std::string(id)}));
        if (removed == 0) return unknown(id);
        return {};
    });
}

Result<std::vector<std::string>> UploadStore::expired() const {
    return database_->read<std::vector<std::string>>(
        [&](Transaction& t) -> Result<std::vector<std::string>> {
            TRY(const auto rows,
                t.query(
                    "SELECT id FROM uploads WHERE expires_ms <= :1 ORDER BY expires_ms LIMIT :2",
                    {to_unix_ms(clock_->wall()), expired_batch}));
            std::vector<std::string> ids;
            ids.reserve(rows.size());
            for (const auto& row : rows) ids.push_back(row.text(0));
            return ids;
        });
}

}  // namespace strandline::registry
