#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace strandline {

/// write_file_atomically() writes to `NAME.tmp-<id>` before it renames.
inline constexpr std::string_view unfinished_prefix = "tmp";

/// Removes what a crash left of write_file_atomically() in one folder; a missing folder is fine.
/// Only for the one process that writes there.
[[nodiscard]] Status remove_unfinished_files(const std::filesystem::path& folder);

}  // namespace strandline
