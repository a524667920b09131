#pragma once

#include <filesystem>

#include "hub/backup/backup_record.h"
#include "hub/hub_config.h"

namespace strandline::hub {

/// Copies what a hub cannot make anew into an empty folder: database, keys and blobs, and
/// `config_file` when not empty. The hub may run, and be changed, meanwhile: the database is copied
/// first as of one moment, and the blobs it names are held until they are copied. Every blob is
/// hashed on the way. The backup holds the hub's private keys; all of it has mode 0600.
[[nodiscard]] Result<BackupRecord> back_up(const HubConfig& config,
                                           const std::filesystem::path& config_file,
                                           const std::filesystem::path& target);

struct Restored {
    BackupRecord record;
    std::int64_t generation_floor = 0;
    std::int64_t keyset_version = 0;
};

/// Makes the state folder of `config` from a backup. It must not exist yet, or be empty; it appears
/// only when every hash, signature and reference was checked. New generations and key sets start
/// above all that the lost hub can have given out, so devices that are ahead of the backup go on.
[[nodiscard]] Result<Restored> restore_backup(const HubConfig& config, const Clock& clock,
                                              const std::filesystem::path& backup);

}  // namespace strandline::hub
