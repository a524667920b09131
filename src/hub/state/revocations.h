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
                std::filesystem::path crl)
        : devices_(&devices), authority_(&authority), crl_(std::move(crl)) {}

    /// Reads the list again and writes a new CRL. True when the list differs from before. Blocks.
    [[nodiscard]] Result<bool> refresh();
    [[nodiscard]] bool is_revoked(const std::string& serial) const;

private:
    fleet::DeviceStore* devices_;
    const trust::CertificateAuthority* authority_;
    std::filesystem::path crl_;
    std::mutex writing_;  // taken before mutex_: one CRL at a time, in the order of their numbers
    mutable std::mutex mutex_;
    std::unordered_set<std::string> serials_;
};

}  // namespace strandline::hub
