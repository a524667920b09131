#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/model_table.h"
#include "trust/report.h"

namespace strandline::agent {

/// What the agent knows at this moment.
struct AgentFacts {
    trust::Report report;  ///< as it would go to the hub
    std::vector<std::shared_ptr<const gateway::ServedModel>> models;
    bool broker_connected = false;
};

/// The same in the Prometheus text format. Inferences are counted for each version that is served,
/// from the moment it was switched to.
[[nodiscard]] std::string metrics_text(const AgentFacts& facts);

}  // namespace strandline::agent
