#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "base/result.h"

// A SQLite database as a file: what upgrades, backups and checks need beside Database.
namespace strandline::store {

/// The file of a url "sqlite:FILE"; empty for other databases and for ":memory:".
[[nodiscard]] std::optional<std::filesystem::path> sqlite_file_of(std::string_view url);

/// The schema's version, without bringing it up to date; 0 when there is no database yet.
[[nodiscard]] Result<int> sqlite_schema_version(const std::filesystem::path& file);

/// A whole and consistent copy of a database that others may be writing to, synced (VACUUM INTO).
/// An existing target is `conflict`.
[[nodiscard]] Status copy_sqlite(const std::filesystem::path& file,
                                 const std::filesystem::path& target);

/// SQLite's own check of structure, constraints and references: `corrupt` with the first finding.
[[nodiscard]] Status check_sqlite(const std::filesystem::path& file);

}  // namespace strandline::store
