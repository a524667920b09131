#include "registry/package_store.h"

#include <fmt/core.h>
#include <map>
#include <unordered_map>

#include "base/ids.h"
#include "base/utf8.h"
#include "policy/version.h"
#include "registry/statement.h"

namespace strandline::registry {
namespace {

using store::Transaction;

constexpr std::string_view columns = "SELECT name, description, created_ms FROM packages";

Error unknown(std::string_view name) {
    return fail(Errc::not_found, fmt::format("package {} is unknown", name.substr(0, 64)));
}

/// The highest version seen so far; any stable one ranks above every pre-release.
class Latest {
public:
    void see(const std::string& text) {
        ++count_;
        auto version = policy::Version::parse(text);
        if (version && (!best_ || is_better(*version, *best_))) best_ = std::move(*version);
    }
    [[nodiscard]] std::string text() const { return best_ ? best_->text() : std::string{}; }
    [[nodiscard]] std::int64_t count() const { return count_; }

private:
    [[nodiscard]] static bool is_better(const policy::Version& version,
                                        const policy::Version& best) {
        if (version.is_prerelease() != best.is_prerelease()) return best.is_prerelease();
        return version > best;
    }
    std::optional<policy::Version> best_;
    std::int64_t count_ = 0;
};

Status add_releases(Transaction& transaction, std::vector<Package>& packages) {
    if (packages.empty()) return {};
    std::vector<std::string> names;
    names.reserve(packages.size());
    for (const auto& package : packages) names.push_back(package.name);
    TRY(const auto rows, Statement("SELECT package, version FROM releases WHERE package IN ")
                             .bind_list(names)
                             .query(transaction));
    std::unordered_map<std::string, Latest> latest;
    for (const auto& row : rows) latest[row.text(0)].see(row.text(1));
    for (auto& package : packages) {
        package.latest = latest[package.name].text();
        package.releases = latest[package.name].count();
    }
    return {};
}

Result<std::vector<Package>> fetch(Transaction& transaction, const Statement& statement) {
    TRY(const auto rows, statement.query(transaction));
    std::vector<Package> packages;
    for (const auto& row : rows) {
        Package package;
        package.name = row.text(0);
        package.description = row.text(1);
        package.created = from_unix_ms(row.integer(2));
        packages.push_back(std::move(package));
    }
    TRY(add_releases(transaction, packages));
    return packages;
}

Result<Package> fetch_one(Transaction& transaction, std::string_view name) {
    Statement statement(columns);
    statement.condition("name = ").bind(std::string(name));
    TRY(auto packages, fetch(transaction, statement));
    if (packages.empty()) return unknown(name);
    return std::move(packages.front());
}

// Titles may be in any language, control characters may not.
Status check_description(std::string_view text) {
    constexpr std::size_t limit = 4096;
    if (text.size() <= limit && is_plain_text(text, "\n\t")) return {};
    return fail(Errc::invalid,
                fmt::format("description: at most {} bytes without control characters", limit));
}

Result<std::int64_t> insert(Transaction& transaction, std::string_view name,
                            std::string_view description, WallTime now) {
    return transaction.execute(
        "INSERT INTO packages (name, description, created_ms) VALUES (:1, :2, :3) "
        "ON CONFLICT DO NOTHING",
        {std::string(name), std::string(description), to_unix_ms(now)});
}

}  // namespace

Status PackageStore::ensure(Transaction& transaction, std::string_view name, WallTime now) {
    TRY(insert(transaction, name, "", now));
    return {};
}

Result<Package> PackageStore::create(std::string_view name, std::string_view description) {
    TRY(check_name("package", name));
    TRY(check_description(description));
    return database_->write<Package>([&](Transaction& t) -> Result<Package> {
        TRY(const auto added, insert(t, name, description, clock_->wall()));
        if (added == 0) return fail(Errc::conflict, fmt::format("package {} exists", name));
        return fetch_one(t, name);
    });
}

Result<Package> PackageStore::get(std::string_view name) const {
    return database_->read<Package>([&](Transaction& t) { return fetch_one(t, name); });
}

Result<Page<Package>> PackageStore::list(const PageRequest& page) const {
    const auto limit = page_limit(page);
    Statement statement(columns);
    statement.condition("name > ").bind(page.cursor);
    statement.add(" ORDER BY name LIMIT ").bind(static_cast<std::int64_t>(limit + 1));
    TRY(auto items,
        database_->read<std::vector<Package>>([&](Transaction& t) { return fetch(t, statement); }));
    return make_page(std::move(items), limit, [](const Package& package) { return package.name; });
}

Result<Package> PackageStore::describe(std::string_view name, std::string_view description) {
    TRY(check_description(description));
    return database_->write<Package>([&](Transaction& t) -> Result<Package> {
        TRY(const auto changed, t.execute("UPDATE packages SET description = :1 WHERE name = :2",
                                          {std::string(description), std::string(name)}));
        if (changed == 0) return unknown(name);
        return fetch_one(t, name);
    });
}

Status PackageStore::remove(std::string_view name) {
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(const auto package, fetch_one(t, name));
        if (package.releases > 0) {
            return fail(Errc::conflict, fmt::format("package {} has {} releases; delete them first",
                                                    name, package.releases));
        }
        TRY(t.execute("DELETE FROM packages WHERE name = :1", {std::string(name)}));
        return {};
    });
}

Result<std::vector<Variant>> PackageStore::variants(std::string_view name) const {
    return database_->read<std::vector<Variant>>(
        [&](Transaction& t) -> Result<std::vector<Variant>> {
            TRY(fetch_one(t, name));
            TRY(const auto rows, t.query("SELECT variant, version FROM releases WHERE package = :1",
                                         {std::string(name)}));
            std::map<std::string, Latest> latest;
            for (const auto& row : rows) latest[row.text(0)].see(row.text(1));
            std::vector<Variant> variants;
            variants.reserve(latest.size());
            for (const auto& [variant, seen] : latest) {
                variants.push_back({variant, seen.count(), seen.text()});
            }
            return variants;
        });
}

}  // namespace strandline::registry
