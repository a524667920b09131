#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fleet/selector.h"
#include "registry/statement.h"

namespace strandline::fleet {

/// Appends a condition on `d.id`, where `d` is a row of devices: which devices an operation is
/// about. Internal to fleet's stores. Evaluated several times within a transaction.
using Members = std::function<void(registry::Statement& statement)>;

/// The same devices in parts that make statements of a reasonable size: binding ten thousand
/// parameters by name takes quadratic time.
[[nodiscard]] std::vector<Selector> split(const Selector& selector);
[[nodiscard]] Members members_of(const Selector& selector);
[[nodiscard]] Members only(std::string device);

}  // namespace strandline::fleet
