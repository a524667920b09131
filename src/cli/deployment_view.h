#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/context.h"

namespace strandline::cli {

/// A deployment with the rows of all its devices, however many pages they fill.
[[nodiscard]] Result<Document> get_deployment(HubClient& hub, const std::string& id);

/// Follows deployments until all have ended, with live progress of each device: redrawn on a
/// terminal, one line per change elsewhere. A hub that is away for a while is asked again. One is
/// shown as it is, several with --output json as `{"deployments":[..]}`. `conflict` with the
/// devices' reasons when any of them refused or failed, else `timeout` when one has not ended by
/// the deadline, which is one for all.
[[nodiscard]] Status wait_for_deployments(Context& context, const std::vector<std::string>& ids,
                                          std::chrono::seconds limit);

/// Table of devices and a summary of bytes.
[[nodiscard]] std::string format_deployment(const Document& deployment);

}  // namespace strandline::cli
