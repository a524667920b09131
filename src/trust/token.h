#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/sha256.h"

namespace strandline::trust {

/// Prefix of a token's text form: what it is for.
inline constexpr std::string_view join_token_kind = "slj1";
inline constexpr std::string_view operator_token_kind = "slo1";

/// A bearer token that also authenticates the hub to its holder: `KIND.ID.SECRET.CASHA256`, where
/// the last part is the SHA-256 of the hub's CA certificate (DER, hexadecimal).
struct Token {
    std::string kind;
    std::string id;
    std::string secret;
    std::string ca_sha256;

    [[nodiscard]] std::string text() const;
    /// `invalid` without repeating the text, which may be a secret.
    [[nodiscard]] static Result<Token> parse(std::string_view text, std::string_view expected_kind);
    [[nodiscard]] static Token make(std::string_view kind, std::string_view ca_sha256,
                                    Random& random = system_random());
};

/// What the hub stores instead of a secret; 256 random bits need no slow hash.
[[nodiscard]] Sha256Digest secret_hash(std::string_view secret);
/// In constant time.
[[nodiscard]] bool secret_matches(std::string_view secret, const Sha256Digest& stored);

}  // namespace strandline::trust
