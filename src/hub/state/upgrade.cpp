#include "hub/state/upgrade.h"

#include <fmt/core.h>

#include "base/file.h"
#include "base/folder_format.h"
#include "base/log.h"
#include "base/version.h"
#include "store/sql/database.h"
#include "store/sql/sqlite_file.h"

namespace strandline::hub {
namespace {

namespace fs = std::filesystem;

// Whoever has to go back finds the database as the older program left it.
Status keep_copy(const fs::path& state, const fs::path& database, int format, int schema) {
    const auto folder = state / "before-upgrade";
    TRY(make_folders(folder));
    const auto copy = folder / fmt::format("hub-format{}-schema{}.db", format, schema);
    if (fs::exists(copy)) return {};
    TRY(store::copy_sqlite(database, copy));
    log_info("database copied before the upgrade file={}", copy.string());
    return {};
}

}  // namespace

Status prepare_upgrade(const fs::path& state, std::string_view database_url) {
    TRY(auto found, read_folder_format(state));
    if (found) TRY(check_folder_format(state, *found, hub_program, newest_state_format));
    const bool used = fs::exists(state / "keys" / "keyset.json");
    const int format = found ? found->format : (used ? 1 : newest_state_format);
    if (const auto file = store::sqlite_file_of(database_url)) {
        TRY(const int schema, store::sqlite_schema_version(*file));
        const int known = static_cast<int>(store::hub_migrations().size());
        // A newer schema is refused, with the reason, when the database is opened.
        const bool changes = format < newest_state_format || schema < known;
        if (schema > 0 && schema <= known && changes) TRY(keep_copy(state, *file, format, schema));
    }
    if (found && format == newest_state_format) return {};
    if (format < newest_state_format)
        log_info("state folder upgraded from={} to={}", format, newest_state_format);
    return write_folder_format(
        state, {std::string(hub_program), newest_state_format, std::string(program_version)});
}

}  // namespace strandline::hub
