#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "trust/keys.h"
#include "trust/keyset.h"

namespace strandline::hub {

/// The keys with which a hub signs metadata, and the signed key set that tells devices about them.
struct HubKeys {
    trust::SigningKey root;
    trust::SigningKey manifest;
    trust::SigningKey desired;
    trust::KeySet keyset;
    std::string keyset_envelope;  ///< JSON, as devices get it
};

/// Loads the keys in `folder`, or makes them at the first start. `keyset.json` is the commit point:
/// it names the version whose key files count, so a crash half-way leaves the old keys in force.
[[nodiscard]] Result<HubKeys> open_or_create_keys(const std::filesystem::path& folder);

/// Replaces the manifest and desired keys and signs a new key set with the root key. Devices accept
/// it because the root stays. The old manifest key stays in the set as long as
/// `keep_old_manifest_key` asks: releases that were signed with it and not signed again need it.
/// The new version is at least `min_version`.
[[nodiscard]] Result<HubKeys> rotate_keys(const std::filesystem::path& folder,
                                          bool keep_old_manifest_key, std::int64_t min_version = 1);

}  // namespace strandline::hub
