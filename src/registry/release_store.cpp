#include "registry/release_store.h"

#include <fmt/core.h>
#include <unordered_map>

#include "registry/columns_json.h"
#include "registry/statement.h"
#include "trust/envelope.h"

namespace strandline::registry {
namespace {

using store::Row;
using store::Transaction;

constexpr std::string_view columns =
    "SELECT sequence, id, package, version, variant, kind, entry, manifest, total_size, labels, "
    "created_ms FROM releases";

/// A release with its place in the list.
struct Numbered {
    std::int64_t sequence = 0;
    Release release;
};

trust::RuntimeKind kind_from(std::string_view text) {
    for (const auto kind : {trust::RuntimeKind::onnx, trust::RuntimeKind::process}) {
        if (text == trust::to_string(kind)) return kind;
    }
    return trust::RuntimeKind::container;
}

Result<Numbered> release_of(const Row& row) {
    Numbered out;
    out.sequence = row.integer(0);
    Release& release = out.release;
    release.id = row.text(1);
    release.triple = {row.text(2), row.text(3), row.text(4)};
    release.kind = kind_from(row.text(5));
    release.entry = row.text(6);
    TRY(release.manifest, Sha256Digest::from_hex(row.text(7)));
    release.size = static_cast<std::uint64_t>(row.integer(8));
    TRY(release.labels, labels_from_json(row.text(9)));
    release.created = from_unix_ms(row.integer(10));
    return out;
}

Result<trust::ManifestFile> file_of(const Row& row) {
    trust::ManifestFile file;
    file.path = row.text(1);
    file.size = static_cast<std::uint64_t>(row.integer(2));
    TRY(file.sha256, Sha256Digest::from_hex(row.text(3)));
    file.executable = row.integer(4) != 0;
    return file;
}

// Files and channels of all of them with one query each.
Status add_details(Transaction& transaction, std::vector<Numbered>& items) {
    if (items.empty()) return {};
    std::unordered_map<std::string, Release*> by_id;
    std::vector<std::string> ids;
    for (auto& item : items) {
        by_id.emplace(item.release.id, &item.release);
        ids.push_back(item.release.id);
    }
    TRY(const auto files,
        Statement("SELECT release_id, path, size, sha256, executable FROM release_files "
                  "WHERE release_id IN ")
            .bind_list(ids)
            .add(" ORDER BY release_id, position")
            .query(transaction));
    for (const auto& row : files) {
        TRY(auto file, file_of(row));
        by_id.at(row.text(0))->files.push_back(std::move(file));
    }
    TRY(const auto channels, Statement("SELECT release_id, name FROM channels WHERE release_id IN ")
                                 .bind_list(ids)
                                 .add(" ORDER BY release_id, name")
                                 .query(transaction));
    for (const auto& row : channels) by_id.at(row.text(0))->channels.push_back(row.text(1));
    return {};
}

Result<std::vector<Numbered>> fetch(Transaction& transaction, const Statement& statement) {
    TRY(const auto rows, statement.query(transaction));
    std::vector<Numbered> items;
    items.reserve(rows.size());
    for (const auto& row : rows) {
        TRY(auto item, release_of(row));
        items.push_back(std::move(item));
    }
    TRY(add_details(transaction, items));
    return items;
}

Result<std::optional<Release>> fetch_one(Transaction& transaction, const Statement& statement) {
    TRY(auto items, fetch(transaction, statement));
    if (items.empty()) return std::optional<Release>{};
    return std::optional<Release>(std::move(items.front().release));
}

bool is_release_id(std::string_view text) {
    return text.starts_with("r-") && text.find('@') == std::string_view::npos;
}

Error unknown(std::string_view release) {
    return fail(Errc::not_found, fmt::format("release {} is unknown", release.substr(0, 200)));
}

Error unknown_manifest(const Sha256Digest& manifest) {
    return fail(Errc::not_found, fmt::format("manifest {} is unknown", manifest.hex()));
}

}  // namespace

Result<std::optional<Release>> ReleaseStore::find(Transaction& transaction, const Triple& triple) {
    Statement statement(columns);
    statement.condition("package = ").bind(triple.package);
    statement.condition("version = ").bind(triple.version);
    statement.condition("variant = ").bind(triple.variant);
    return fetch_one(transaction, statement);
}

Result<std::optional<Release>> ReleaseStore::find_by_manifest(Transaction& transaction,
                                                              const Sha256Digest& manifest) {
    Statement statement(columns);
    statement.condition("manifest = ").bind(manifest.hex());
    return fetch_one(transaction, statement);
}

Result<Release> ReleaseStore::get(Transaction& transaction, std::string_view id_or_triple) {
    std::optional<Release> found;
    if (is_release_id(id_or_triple)) {
        Statement statement(columns);
        statement.condition("id = ").bind(std::string(id_or_triple));
        TRY(found, fetch_one(transaction, statement));
    } else {
        TRY(const auto triple, parse_triple(id_or_triple));
        TRY(found, find(transaction, triple));
    }
    if (!found) return unknown(id_or_triple);
    return std::move(*found);
}

Status ReleaseStore::insert(Transaction& transaction, const Release& release,
                            std::string_view envelope_json) {
    TRY(const auto added,
        transaction.execute(
            "INSERT INTO releases (id, package, version, variant, kind, entry, manifest, envelope, "
            "total_size, labels, created_ms) "
            "VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11) ON CONFLICT DO NOTHING",
            {release.id, release.triple.package, release.triple.version, release.triple.variant,
             std::string(trust::to_string(release.kind)), release.entry, release.manifest.hex(),
             std::string(envelope_json), static_cast<std::int64_t>(release.size),
             labels_to_json(release.labels), to_unix_ms(release.created)}));
    if (added == 0) {
        return fail(Errc::conflict, fmt::format("release {} exists", to_string(release.triple)));
    }
    std::int64_t position = 0;
    for (const auto& file : release.files) {
        TRY(transaction.execute(
            "INSERT INTO release_files (release_id, position, path, size, sha256, executable) "
            "VALUES (:1, :2, :3, :4, :5, :6)",
            {release.id, position++, file.path, static_cast<std::int64_t>(file.size),
             file.sha256.hex(), std::int64_t{file.executable}}));
    }
    return {};
}

Status ReleaseStore::remove(Transaction& transaction, const Release& release) {
    TRY(const auto channel,
        transaction.query_one(
            "SELECT name FROM channels WHERE release_id = :1 ORDER BY name LIMIT 1", {release.id}));
    if (channel) {
        return fail(
            Errc::conflict,
            fmt::format("release {} is in use: channel {} points to it; move the channel first",
                        to_string(release.triple), channel->text(0)));
    }
    TRY(const auto removed,
        transaction.execute("DELETE FROM releases WHERE id = :1", {release.id}));
    if (removed == 0) return unknown(to_string(release.triple));
    return {};
}

Result<Release> ReleaseStore::get(std::string_view id_or_triple) const {
    return database_->read<Release>([&](Transaction& t) { return get(t, id_or_triple); });
}

Result<std::optional<Release>> ReleaseStore::find(const Triple& triple) const {
    return database_->read<std::optional<Release>>([&](Transaction& t) { return find(t, triple); });
}

Result<std::optional<Release>> ReleaseStore::find_by_manifest(const Sha256Digest& manifest) const {
    return database_->read<std::optional<Release>>(
        [&](Transaction& t) { return find_by_manifest(t, manifest); });
}

Result<Page<Release>> ReleaseStore::list(const ReleaseFilter& filter,
                                         const PageRequest& page) const {
    TRY(const auto before, sequence_cursor(page, newest_first));
    const auto limit = page_limit(page);
    Statement statement(columns);
    statement.condition("sequence < ").bind(before);
    if (!filter.package.empty()) statement.condition("package = ").bind(filter.package);
    if (!filter.version.empty()) statement.condition("version = ").bind(filter.version);
    if (!filter.variant.empty()) statement.condition("variant = ").bind(filter.variant);
    statement.add(" ORDER BY sequence DESC LIMIT ").bind(static_cast<std::int64_t>(limit + 1));
    TRY(auto items, database_->read<std::vector<Numbered>>(
                        [&](Transaction& t) { return fetch(t, statement); }));
    auto numbered = make_page(std::move(items), limit,
                              [](const Numbered& item) { return std::to_string(item.sequence); });
    Page<Release> out;
    out.next = std::move(numbered.next);
    for (auto& item : numbered.items) out.items.push_back(std::move(item.release));
    return out;
}

Result<std::int64_t> ReleaseStore::count() const {
    return database_->read<std::int64_t>([&](Transaction& t) -> Result<std::int64_t> {
        TRY(const auto row, t.query_one("SELECT COUNT(*) FROM releases"));
        return row->integer(0);
    });
}

Result<std::string> ReleaseStore::manifest_envelope(const Sha256Digest& manifest) const {
    return database_->read<std::string>([&](Transaction& t) -> Result<std::string> {
        TRY(const auto row,
            t.query_one("SELECT envelope FROM releases WHERE manifest = :1", {manifest.hex()}));
        if (!row) return unknown_manifest(manifest);
        return row->text(0);
    });
}

Result<Page<Sha256Digest>> ReleaseStore::manifests(const PageRequest& page) const {
    TRY(const auto after, sequence_cursor(page, 0));
    const auto limit = page_limit(page);
    TRY(const auto rows, database_->read<std::vector<Row>>([&](Transaction& t) {
        return t.query(
            "SELECT sequence, manifest FROM releases WHERE sequence > :1 "
            "ORDER BY sequence LIMIT :2",
            {after, static_cast<std::int64_t>(limit + 1)});
    }));
    Page<Sha256Digest> out;
    for (std::size_t i = 0; i < std::min(limit, rows.size()); ++i) {
        TRY(const auto digest, Sha256Digest::from_hex(rows[i].text(1)));
        out.items.push_back(digest);
    }
    if (rows.size() > limit) out.next = std::to_string(rows[limit - 1].integer(0));
    return out;
}

Status ReleaseStore::replace_envelope(const Sha256Digest& manifest,
                                      std::string_view envelope_json) {
    TRY(const auto envelope, trust::envelope_from_json(envelope_json));
    if (envelope.digest() != manifest) {
        return fail(Errc::conflict, fmt::format("manifest {}: the new envelope has another payload",
                                                manifest.hex()));
    }
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(const auto changed, t.execute("UPDATE releases SET envelope = :1 WHERE manifest = :2",
                                          {std::string(envelope_json), manifest.hex()}));
        if (changed == 0) return unknown_manifest(manifest);
        return {};
    });
}

}  // namespace strandline::registry
