#include "agent/hub/key_keeper.h"

#include <algorithm>

#include "agent/hub/identity.h"
#include "base/log.h"

namespace strandline::agent {
namespace {

// Unknown signers cost a request; whoever invents them must not have us ask without end.
constexpr std::chrono::seconds refresh_gap{10};

}  // namespace

const std::vector<trust::PublicKey>& KeyKeeper::keys_for(std::string_view type) const {
    return type == trust::manifest_type ? keys_.manifest : keys_.desired;
}

bool KeyKeeper::knows_signer(const trust::Envelope& envelope, std::string_view type) const {
    const auto& known = keys_for(type);
    return std::any_of(
        envelope.signatures.begin(), envelope.signatures.end(), [&](const auto& signature) {
            return std::any_of(known.begin(), known.end(),
                               [&](const auto& key) { return key.id == signature.key_id; });
        });
}

net::Task<std::string> KeyKeeper::verify(trust::Envelope envelope, std::string type) {
    if (!envelope.signatures.empty() && !knows_signer(envelope, type)) {
        // A manifest is looked at because a signed order names it: nobody can invent many.
        if (type == trust::desired_type && !next_refresh_.passed()) {
            auto error = fail(Errc::unavailable,
                              "the signer is unknown, and the key set was asked for just now");
            error.retry_after =
                std::chrono::ceil<std::chrono::milliseconds>(next_refresh_.remaining());
            co_return error;
        }
        const auto refreshed = co_await refresh();
        if (!knows_signer(envelope, type)) next_refresh_ = Deadline::after(refresh_gap);
        // A set that the known root does not vouch for leaves us with the keys we have.
        if (!refreshed && refreshed.error().code != Errc::unauthenticated &&
            refreshed.error().code != Errc::conflict) {
            co_return context("fetch the key set", refreshed.error());
        }
    }
    co_return trust::verify_envelope(envelope, type, keys_for(type));
}

net::Task<void> KeyKeeper::refresh() {
    const auto envelope = co_await hub_->keyset();
    if (!envelope) co_return envelope.error();
    auto next = trust::advance_keyset(keys_, *envelope);
    if (!next) {
        log_error("key set refused error=\"{}\"", next.error().message);
        co_return next.error();
    }
    if (next->version == keys_.version) co_return Status{};
    CO_TRY(save_keyset(folder_, trust::to_json(*envelope)));
    log_info("key set advanced version={}", next->version);
    keys_ = std::move(*next);
    co_return Status{};
}

}  // namespace strandline::agent
