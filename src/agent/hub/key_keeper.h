#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "agent/hub/hub_client.h"
#include "trust/keyset.h"

namespace strandline::agent {

/// The keys this agent trusts, and the only place where signatures are judged. Belongs to the I/O
/// thread.
class KeyKeeper {
public:
    KeyKeeper(trust::KeySet keys, std::filesystem::path identity_folder, HubClient& hub)
        : keys_(std::move(keys)), folder_(std::move(identity_folder)), hub_(&hub) {}

    /// The payload when a trusted key signed it. An unknown signer makes us fetch the key set once
    /// and try again. `unauthenticated` when it stays untrusted; other codes mean that the key set
    /// could not be fetched, or was a moment ago for another unknown signer, so nothing is known
    /// yet.
    [[nodiscard]] net::Task<std::string> verify(trust::Envelope envelope, std::string type);

    /// Fetches the key set and follows it if the root we know vouches for it.
    [[nodiscard]] net::Task<void> refresh();

    [[nodiscard]] const trust::KeySet& keys() const { return keys_; }

private:
    [[nodiscard]] const std::vector<trust::PublicKey>& keys_for(std::string_view type) const;
    [[nodiscard]] bool knows_signer(const trust::Envelope& envelope, std::string_view type) const;

    trust::KeySet keys_;
    std::filesystem::path folder_;
    HubClient* hub_;
    Deadline next_refresh_ = Deadline::after(std::chrono::nanoseconds{0});
};

}  // namespace strandline::agent
