#include "fleet/deployment_store.h"

#include "fleet/deployment_rows.h"

namespace strandline::fleet {
namespace {

using registry::Statement;
using store::Transaction;

}  // namespace

Result<Deployment> DeploymentStore::get(std::string_view id) const {
    return database_->read<Deployment>([&](Transaction& t) { return get_deployment(t, id); });
}

Result<registry::Page<Deployment>> DeploymentStore::list(std::optional<DeploymentState> state,
                                                         const registry::PageRequest& page) const {
    TRY(const auto before, registry::sequence_cursor(page, registry::newest_first));
    const auto limit = registry::page_limit(page);
    Statement statement = select_deployments();
    statement.condition("sequence < ").bind(before);
    if (state) statement.condition("state = ").bind(std::string(to_string(*state)));
    statement.add(" ORDER BY sequence DESC LIMIT ").bind(static_cast<std::int64_t>(limit + 1));
    TRY(auto items, database_->read<std::vector<Deployment>>(
                        [&](Transaction& t) { return fetch_deployments(t, statement); }));
    return registry::make_page(std::move(items), limit, [](const Deployment& deployment) {
        return std::to_string(deployment.sequence);
    });
}

Result<registry::Page<DeploymentRow>> DeploymentStore::rows(
    std::string_view id, const registry::PageRequest& page) const {
    const auto limit = registry::page_limit(page);
    Statement statement = select_rows();
    statement.condition("deployment_id = ").bind(std::string(id));
    statement.condition("device_id > ").bind(page.cursor);
    statement.add(" ORDER BY device_id LIMIT ").bind(static_cast<std::int64_t>(limit + 1));
    TRY(auto rows, database_->read<std::vector<DeploymentRow>>(
                       [&](Transaction& t) -> Result<std::vector<DeploymentRow>> {
                           TRY(get_deployment(t, id));
                           return fetch_rows(t, statement);
                       }));
    return registry::make_page(std::move(rows), limit,
                               [](const DeploymentRow& row) { return row.device; });
}

Result<std::int64_t> DeploymentStore::count(DeploymentState state) const {
    return database_->read<std::int64_t>([&](Transaction& t) -> Result<std::int64_t> {
        TRY(const auto row, t.query_one("SELECT COUNT(*) FROM deployments WHERE state = :1",
                                        {std::string(to_string(state))}));
        return row->integer(0);
    });
}

Result<std::vector<FollowedChannel>> DeploymentStore::channels_left() const {
    return database_->read<std::vector<FollowedChannel>>(
        [](Transaction& t) -> Result<std::vector<FollowedChannel>> {
            TRY(const auto rows,
                t.query("SELECT DISTINCT c.package, c.name FROM channels c JOIN deployments p ON "
                        "p.package = c.package AND p.channel = c.name WHERE p.follow = 1 AND "
                        "(p.release_id IS NULL OR p.release_id <> c.release_id)"));
            std::vector<FollowedChannel> channels;
            channels.reserve(rows.size());
            for (const auto& row : rows) channels.push_back({row.text(0), row.text(1)});
            return channels;
        });
}

}  // namespace strandline::fleet
