#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/deployment.h"
#include "fleet/members.h"
#include "registry/statement.h"
#include "store/sql/database.h"

// Deployments and their rows inside a caller's transaction. Internal to fleet's stores and
// services.
namespace strandline::fleet {

/// The start of a statement for fetch_deployments(); conditions and order follow.
[[nodiscard]] registry::Statement select_deployments();
[[nodiscard]] Result<std::vector<Deployment>> fetch_deployments(
    store::Transaction& transaction, const registry::Statement& statement);
/// `not_found` names it.
[[nodiscard]] Result<Deployment> get_deployment(store::Transaction& transaction,
                                                std::string_view id);
/// Gives it its sequence.
[[nodiscard]] Status insert_deployment(store::Transaction& transaction, Deployment& deployment);
/// Clears the flags that make it reach further devices.
[[nodiscard]] Status end_standing(store::Transaction& transaction, std::string_view id);
[[nodiscard]] Status set_deployment_state(store::Transaction& transaction, std::string_view id,
                                          DeploymentState state);
/// Older deployments for the same slot and selector neither follow their channel any more nor, but
/// for the newest few, stand: they would never be chosen.
[[nodiscard]] Status retire_predecessors(store::Transaction& transaction,
                                         const Deployment& deployment);
[[nodiscard]] Result<std::vector<Deployment>> standing_deployments(store::Transaction& transaction);
[[nodiscard]] Result<std::vector<Deployment>> followers(store::Transaction& transaction,
                                                        std::string_view package,
                                                        std::string_view channel);

[[nodiscard]] registry::Statement select_rows();
[[nodiscard]] Result<std::vector<DeploymentRow>> fetch_rows(store::Transaction& transaction,
                                                            const registry::Statement& statement);
[[nodiscard]] Status update_row(store::Transaction& transaction, std::string_view deployment,
                                const DeploymentRow& row);

}  // namespace strandline::fleet
