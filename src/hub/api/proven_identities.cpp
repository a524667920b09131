#include "hub/api/proven_identities.h"

#include <utility>

#include "base/sha256.h"

namespace strandline::hub {
namespace {

// About 2 MB; a larger fleet's devices come minutes apart and gain nothing here.
constexpr std::size_t max_proofs = 4096;

// Tokens are looked up by hash, so that neither memory nor the time of a comparison tells one.
std::string key_of(const Credentials& credentials) {
    if (credentials.bearer) {
        const auto digest = sha256(as_bytes(*credentials.bearer));
        return "token " + std::string(as_text(digest.bytes));
    }
    // A serial is hexadecimal, so the two parts cannot be mistaken for others.
    return credentials.serial + "/" + credentials.common_name.value_or("");
}

}  // namespace

void ProvenIdentities::forget_old(std::int64_t now) {
    if (moment_ == now) return;
    proofs_.clear();
    moment_ = now;
}

void ProvenIdentities::keep(const Credentials& credentials, Proof proof, std::int64_t moment) {
    auto key = key_of(credentials);
    const std::lock_guard lock(mutex_);
    const auto now = database_->access_changes();
    forget_old(now);
    // Access ended while the database was read: what was read may be older than that.
    if (moment != now) return;
    if (proofs_.size() >= max_proofs) proofs_.clear();
    proofs_.insert_or_assign(std::move(key), std::move(proof));
}

std::optional<Caller> ProvenIdentities::find(const Credentials& credentials) {
    const auto key = key_of(credentials);
    const std::lock_guard lock(mutex_);
    forget_old(database_->access_changes());
    const auto found = proofs_.find(key);
    if (found == proofs_.end()) return std::nullopt;
    const auto& proof = found->second;
    if (proof.expires && *proof.expires <= clock_->wall()) return std::nullopt;
    auto caller = proof.caller;
    caller.address = credentials.address;
    return caller;
}

}  // namespace strandline::hub
