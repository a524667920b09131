#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace strandline::hub {

inline constexpr std::string_view hub_program = "strandlined";
/// 1: as of version 0.1, without a mark. 2: format.json; the rest as before.
inline constexpr int newest_state_format = 2;

/// Called with the folder locked, before anything in it is opened: refuses a format newer than ours
/// (`conflict`), copies a SQLite database that is about to change to before-upgrade/, and marks the
/// folder. May be interrupted and repeated.
[[nodiscard]] Status prepare_upgrade(const std::filesystem::path& state,
                                     std::string_view database_url);

}  // namespace strandline::hub
