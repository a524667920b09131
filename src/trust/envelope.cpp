#include "trust/envelope.h"

#include <algorithm>
#include <fmt/core.h>

#include "trust/pae.h"

namespace strandline::trust {

std::string pre_authentication_encoding(std::string_view payload_type, std::string_view payload) {
    std::string out =
        fmt::format("DSSEv1 {} {} {} ", payload_type.size(), payload_type, payload.size());
    out.append(payload);
    return out;
}

Result<Envelope> sign_envelope(std::string_view payload_type, std::string payload,
                               const SigningKey& key) {
    Envelope envelope;
    envelope.payload_type = payload_type;
    envelope.payload = std::move(payload);
    TRY(add_signature(envelope, key));
    return envelope;
}

Status add_signature(Envelope& envelope, const SigningKey& key) {
    const std::string signed_bytes =
        pre_authentication_encoding(envelope.payload_type, envelope.payload);
    TRY(auto signature, key.sign(as_bytes(signed_bytes)));
    envelope.signatures.push_back({key.public_key().id, std::move(signature)});
    return {};
}

Result<std::string> verify_envelope(const Envelope& envelope, std::string_view expected_type,
                                    std::span<const PublicKey> keys) {
    if (envelope.payload_type != expected_type) {
        return fail(Errc::unauthenticated,
                    fmt::format("signed document: it is \"{}\", expected is \"{}\"",
                                envelope.payload_type.substr(0, 128), expected_type));
    }
    const std::string signed_bytes =
        pre_authentication_encoding(envelope.payload_type, envelope.payload);
    bool known = false;
    for (const auto& signature : envelope.signatures) {
        // The id is only a hint (DSSE); a key under another id is still tried when the id is empty.
        const auto tries = [&](const PublicKey& key) {
            return signature.key_id.empty() || signature.key_id == key.id;
        };
        for (const auto& key : keys) {
            if (!tries(key)) continue;
            known = true;
            if (key.verify(as_bytes(signed_bytes), signature.bytes)) return envelope.payload;
        }
    }
    return fail(
        Errc::unauthenticated,
        known ? "signed document: its signature does not match its content"
              : "signed document: none of its signatures is by a key that is trusted for this");
}

}  // namespace strandline::trust
