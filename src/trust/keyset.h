#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/envelope.h"
#include "trust/keys.h"

namespace strandline::trust {

/// What the root key vouches for: which keys may sign what. A new version replaces the whole set,
/// so a key is retired by leaving it out; root rotation signs with the old and the new root.
struct KeySet {
    std::int64_t version = 1;
    std::vector<PublicKey> root;      ///< who may sign the next key set
    std::vector<PublicKey> manifest;  ///< who may sign manifests
    std::vector<PublicKey> desired;   ///< who may sign desired states
    friend bool operator==(const KeySet&, const KeySet&) = default;
};

[[nodiscard]] std::string to_json(const KeySet& keys);
[[nodiscard]] Result<KeySet> keyset_from_json(std::string_view json);

/// Accepts `next` in place of `current`: signed by a root key of `current` and by one of its own,
/// and its version is not lower. The same version must have the same bytes' meaning; lower is
/// `conflict` (rollback), an unknown signer `unauthenticated`.
[[nodiscard]] Result<KeySet> advance_keyset(const KeySet& current, const Envelope& next);
/// First contact, whose authenticity the caller established otherwise (join token): the set must be
/// signed by one of its own root keys.
[[nodiscard]] Result<KeySet> first_keyset(const Envelope& envelope);

}  // namespace strandline::trust
