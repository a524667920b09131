#pragma once

#include "agent/agent_config.h"
#include "agent/disk/state_folder.h"
#include "doctor/report.h"

namespace strandline::agent {

/// Everything that can be found out about an agent on its own machine, running or not.
[[nodiscard]] doctor::Report examine(const AgentConfig& config, const StateFolder& state);

}  // namespace strandline::agent
