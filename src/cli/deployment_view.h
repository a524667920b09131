#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "cli/context.h"

namespace strandline::cli {

/// Follows a deployment until it has ended, with live progress of each device: redrawn on a
/// terminal, one line per change elsewhere. `timeout` when it has not ended by the deadline,
/// `conflict` with the devices' reasons when any of them refused or failed.
[[nodiscard]] Status wait_for_deployment(Context& context, const std::string& id,
                                         std::chrono::seconds limit);

/// Table of devices and a summary of bytes.
[[nodiscard]] std::string format_deployment(const Document& deployment);

}  // namespace strandline::cli
