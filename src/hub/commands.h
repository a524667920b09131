#pragma once

#include <string>

#include "hub/command_line.h"
#include "hub/hub_config.h"

namespace strandline::hub {

/// One line to standard output, at once: whoever waits for the hub reads it from a pipe.
void say(const std::string& line);

/// Every command but serving, help, version and doctor.
[[nodiscard]] Status run_command(const CommandLine& line, const HubConfig& config);

}  // namespace strandline::hub
