#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <unordered_set>

#include "fleet/device_store.h"
#include "trust/authority.h"

namespace strandline::hub {

/// Which certificates count no more: in memory for the TLS handshake, and as a CRL file for the
/// broker. Thread-safe.
class Revocations {
public:
    Revocations(fleet::DeviceStore& devices, const trust::CertificateAuthority& authority,
                std::filesystem::path crl, const Clock& clock)
        : devices_(&devices), authority_(&authority), crl_(std::move(crl)), clock_(&clock) {}

    /// Reads the list again. Writes a new CRL, and returns true, when the list differs from before
    /// or the CRL is not yet or not much longer valid. Blocks.
    [[nodiscard]] Result<bool> refresh();
    [[nodiscard]] bool is_revoked(const std::string& serial) const;

private:
    [[nodiscard]] bool is_fresh() const;

    fleet::DeviceStore* devices_;
    const trust::CertificateAuthority* authority_;
    std::filesystem::path crl_;
    const Clock* clock_;
    std::mutex writing_;  // taken before mutex_: one CRL at a time, in the order of their numbers
    mutable std::mutex mutex_;
    std::unordered_set<std::string> serials_;
};

}  // namespace strandline::hub
