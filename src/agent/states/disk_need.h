#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "agent/update_context.h"

namespace strandline::agent {

/// Bytes that must be free before a fetch begins: at the worst moment there are every missing file,
/// the largest of them once more for its delta, and a copy of each executable. What downloads have
/// left in `partials` takes its room already.
[[nodiscard]] std::uint64_t disk_needed(const std::vector<MissingFile>& missing,
                                        const trust::Manifest& manifest,
                                        const std::filesystem::path& partials);

/// Where a missing file and its delta are downloaded to.
[[nodiscard]] std::filesystem::path full_path(const std::filesystem::path& partials,
                                              const MissingFile& item);
[[nodiscard]] std::filesystem::path delta_path(const std::filesystem::path& partials,
                                               const MissingFile& item);

}  // namespace strandline::agent
