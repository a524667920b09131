#include "hub/state/revocations.h"

#include <utility>

#include "base/file.h"
#include "base/log.h"

namespace strandline::hub {
namespace {

// The broker refuses everybody once its CRL has ended. Maintenance renews it every few minutes, so
// this only has to outlast a hub that is down while its external broker is not.
constexpr std::chrono::days crl_validity{365};

}  // namespace

Result<bool> Revocations::refresh() {
    const std::lock_guard writing(writing_);
    TRY(const auto revoked, devices_->revoked_certificates());
    std::unordered_set<std::string> serials;
    for (const auto& entry : revoked) serials.insert(entry.serial);
    {
        const std::lock_guard lock(mutex_);
        if (serials == serials_ && std::filesystem::exists(crl_)) return false;
    }
    TRY(const auto number, devices_->next_crl_number());
    TRY(const auto pem, authority_->make_crl(revoked, number, crl_validity));
    TRY(write_file_atomically(crl_, as_bytes(pem)));
    log_info("new revocation list number={} entries={}", number, revoked.size());
    const std::lock_guard lock(mutex_);
    serials_ = std::move(serials);
    return true;
}

bool Revocations::is_revoked(const std::string& serial) const {
    const std::lock_guard lock(mutex_);
    return serials_.contains(serial);
}

}  // namespace strandline::hub
