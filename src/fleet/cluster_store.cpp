#include "fleet/cluster_store.h"

#include <fmt/core.h>
#include <unordered_map>

#include "base/ids.h"
#include "base/utf8.h"
#include "registry/statement.h"

namespace strandline::fleet {
namespace {

using registry::Statement;
using store::Transaction;

constexpr std::string_view columns = "SELECT name, description, created_ms FROM clusters";
constexpr std::size_t description_limit = 4096;

Error unknown(std::string_view name) {
    return fail(Errc::not_found, fmt::format("cluster {} is unknown", name.substr(0, 64)));
}

Result<std::vector<Cluster>> fetch(Transaction& transaction, const Statement& statement) {
    TRY(const auto rows, statement.query(transaction));
    std::vector<Cluster> clusters;
    std::vector<std::string> names;
    for (const auto& row : rows) {
        clusters.push_back({row.text(0), row.text(1), {}, from_unix_ms(row.integer(2))});
        names.push_back(row.text(0));
    }
    if (names.empty()) return clusters;
    std::unordered_map<std::string, Cluster*> index;
    for (auto& cluster : clusters) index.emplace(cluster.name, &cluster);
    TRY(const auto members,
        Statement("SELECT cluster, device_id FROM cluster_members WHERE cluster IN ")
            .bind_list(names)
            .add(" ORDER BY cluster, device_id")
            .query(transaction));
    for (const auto& row : members) index.at(row.text(0))->members.push_back(row.text(1));
    return clusters;
}

Result<Cluster> fetch_one(Transaction& transaction, std::string_view name) {
    Statement statement(columns);
    statement.condition("name = ").bind(std::string(name));
    TRY(auto clusters, fetch(transaction, statement));
    if (clusters.empty()) return unknown(name);
    return std::move(clusters.front());
}

}  // namespace

Status ClusterStore::require(Transaction& transaction, std::string_view name) {
    TRY(const auto row,
        transaction.query_one("SELECT 1 FROM clusters WHERE name = :1", {std::string(name)}));
    if (!row) return unknown(name);
    return {};
}

Result<bool> ClusterStore::add_member(Transaction& transaction, std::string_view name,
                                      std::string_view device) {
    TRY(const auto added,
        transaction.execute("INSERT INTO cluster_members (cluster, device_id) VALUES (:1, :2) "
                            "ON CONFLICT DO NOTHING",
                            {std::string(name), std::string(device)}));
    return added > 0;
}

Result<bool> ClusterStore::remove_member(Transaction& transaction, std::string_view name,
                                         std::string_view device) {
    TRY(const auto removed,
        transaction.execute("DELETE FROM cluster_members WHERE cluster = :1 AND device_id = :2",
                            {std::string(name), std::string(device)}));
    return removed > 0;
}

Result<Cluster> ClusterStore::create(std::string_view name, std::string_view description) {
    TRY(check_name("cluster", name));
    if (description.size() > description_limit || !is_plain_text(description, "\n\t")) {
        return fail(Errc::invalid,
                    fmt::format("description: at most {} bytes without control characters",
                                description_limit));
    }
    return database_->write<Cluster>([&](Transaction& t) -> Result<Cluster> {
        TRY(const auto added,
            t.execute("INSERT INTO clusters (name, description, created_ms) VALUES (:1, :2, :3) "
                      "ON CONFLICT DO NOTHING",
                      {std::string(name), std::string(description), to_unix_ms(clock_->wall())}));
        if (added == 0) return fail(Errc::conflict, fmt::format("cluster {} exists", name));
        return fetch_one(t, name);
    });
}

Result<Cluster> ClusterStore::get(std::string_view name) const {
    return database_->read<Cluster>([&](Transaction& t) { return fetch_one(t, name); });
}

Result<registry::Page<Cluster>> ClusterStore::list(const registry::PageRequest& page) const {
    const auto limit = registry::page_limit(page);
    Statement statement(columns);
    statement.condition("name > ").bind(page.cursor);
    statement.add(" ORDER BY name LIMIT ").bind(static_cast<std::int64_t>(limit + 1));
    TRY(auto clusters,
        database_->read<std::vector<Cluster>>([&](Transaction& t) { return fetch(t, statement); }));
    return registry::make_page(std::move(clusters), limit,
                               [](const Cluster& cluster) { return cluster.name; });
}

Status ClusterStore::remove(std::string_view name) {
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(const auto removed,
            t.execute("DELETE FROM clusters WHERE name = :1", {std::string(name)}));
        if (removed == 0) return unknown(name);
        return {};
    });
}

}  // namespace strandline::fleet
