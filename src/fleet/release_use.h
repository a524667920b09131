#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/sql/database.h"

namespace strandline::fleet {

/// Why the fleet still needs a release, in words; none when it does not: a device runs or shall run
/// it, would return to it by a rollback, or would receive it by joining. Internal to fleet.
[[nodiscard]] Result<std::optional<std::string>> release_user(store::Transaction& transaction,
                                                              std::string_view release);

}  // namespace strandline::fleet
