#include "trust/keyset.h"

#include <fmt/core.h>

namespace strandline::trust {
namespace {

// Whether the envelope is signed by one of the roots that it brings itself.
Result<KeySet> self_signed(const Envelope& envelope, std::string_view payload) {
    TRY(auto keys, keyset_from_json(payload));
    const auto own = verify_envelope(envelope, keyset_type, keys.root);
    if (!own) return context("key set: by its own root keys", own.error());
    return keys;
}

}  // namespace

Result<KeySet> advance_keyset(const KeySet& current, const Envelope& next) {
    // Nothing is parsed before a root key that we trust has vouched for it (TUF 5.3.4).
    const auto payload = verify_envelope(next, keyset_type, current.root);
    if (!payload) return context("key set: by the root keys known here", payload.error());
    TRY(auto keys, self_signed(next, *payload));
    if (keys.version < current.version) {
        return fail(Errc::conflict, fmt::format("key set: version {} is older than {}, which was "
                                                "accepted before; refused as a rollback",
                                                keys.version, current.version));
    }
    if (keys.version == current.version && keys != current) {
        return fail(
            Errc::conflict,
            fmt::format("key set: version {} was accepted before with other keys", keys.version));
    }
    return keys;
}

Result<KeySet> first_keyset(const Envelope& envelope) {
    if (envelope.payload_type != keyset_type) {
        return fail(Errc::unauthenticated, "key set: the document is of another type");
    }
    return self_signed(envelope, envelope.payload);
}

}  // namespace strandline::trust
