#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/sha256.h"

namespace strandline::trust {

/// What an operator hands to a new device: proves the device to the hub (secret) and the hub to the
/// device (fingerprint of its CA). Text form `slj1.ID.SECRET.CASHA256`.
struct JoinToken {
    std::string id;
    std::string secret;
    std::string ca_sha256;

    [[nodiscard]] std::string text() const;
    [[nodiscard]] static Result<JoinToken> parse(std::string_view text);
};

/// What the hub stores instead of a secret of 256 random bits; such a secret needs no slow hash.
[[nodiscard]] Sha256Digest secret_hash(std::string_view secret);
/// In constant time.
[[nodiscard]] bool secret_matches(std::string_view secret, const Sha256Digest& stored);

}  // namespace strandline::trust
