#include "hub/state/revocations.h"

#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "trust/crl_info.h"

namespace strandline::hub {
namespace {

// The broker refuses everybody once its CRL has ended, or when it begins in the future. Maintenance
// renews it in time, so this only has to outlast a hub that is down while its external broker is
// not.
constexpr std::chrono::days crl_validity{365};
constexpr std::size_t max_crl_bytes = std::size_t{64} << 20;

}  // namespace

bool Revocations::is_fresh() const {
    const auto pem = read_text_file(crl_, max_crl_bytes);
    const auto info = pem ? trust::read_crl(*pem) : Result<trust::CrlInfo>(pem.error());
    const auto now = clock_->wall();
    return info && info->this_update <= now && now < info->next_update - crl_validity / 3;
}

Result<bool> Revocations::refresh() {
    const std::lock_guard writing(writing_);
    TRY(const auto revoked, devices_->revoked_certificates());
    std::unordered_set<std::string> serials;
    for (const auto& entry : revoked) serials.insert(entry.serial);
    {
        const std::lock_guard lock(mutex_);
        if (serials == serials_ && is_fresh()) return false;
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
