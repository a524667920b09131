#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/sha256.h"
#include "trust/keys.h"

namespace strandline::trust {

// Payload types, in the sense of DSSE.
inline constexpr std::string_view manifest_type = "application/vnd.strandline.manifest+json";
inline constexpr std::string_view desired_type = "application/vnd.strandline.desired+json";
inline constexpr std::string_view keyset_type = "application/vnd.strandline.keyset+json";

struct Signature {
    std::string key_id;
    Bytes bytes;
};

/// A signed document: DSSE v1 (secure-systems-lab/dsse, protocol.md). The signature covers type and
/// exact payload bytes, so no canonical form of JSON is needed, and nothing is parsed before it is
/// verified.
struct Envelope {
    std::string payload_type;
    std::string payload;
    std::vector<Signature> signatures;

    /// SHA-256 of the payload; the name of a manifest.
    [[nodiscard]] Sha256Digest digest() const { return sha256(payload); }
};

[[nodiscard]] Result<Envelope> sign_envelope(std::string_view payload_type, std::string payload,
                                             const SigningKey& key);
/// One more signature over the same bytes, such as of the old and the new root key.
[[nodiscard]] Status add_signature(Envelope& envelope, const SigningKey& key);

/// JSON form: {"payloadType","payload":base64,"signatures":[{"keyid","sig":base64}]}.
[[nodiscard]] std::string to_json(const Envelope& envelope);
/// At most 1 MiB and 16 signatures. Says nothing about validity.
[[nodiscard]] Result<Envelope> envelope_from_json(std::string_view json);

/// The payload, once at least one signature by one of `keys` covers it and the type is the expected
/// one; else `unauthenticated` naming what is wrong.
[[nodiscard]] Result<std::string> verify_envelope(const Envelope& envelope,
                                                  std::string_view expected_type,
                                                  std::span<const PublicKey> keys);

}  // namespace strandline::trust
