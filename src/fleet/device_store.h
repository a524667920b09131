#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "fleet/device.h"
#include "fleet/selector.h"
#include "registry/page.h"
#include "store/sql/database.h"
#include "trust/authority.h"

namespace strandline::fleet {

/// One message on `up/state`.
struct PresenceChange {
    std::string device;
    std::int64_t boot = 0;
    bool online = false;
};

enum class PresenceOutcome { unchanged, changed, unknown_device };

/// Devices as rows: reading them, their certificates and their presence. What changes a desired
/// state goes through FleetService. Thread-safe; every call blocks on the database.
class DeviceStore {
public:
    DeviceStore(store::Database& database, const Clock& clock)
        : database_(&database), clock_(&clock) {}

    /// `not_found` names it.
    [[nodiscard]] Result<Device> get(std::string_view id) const;
    /// By id. Items have everything but `resources`.
    [[nodiscard]] Result<registry::Page<Device>> list(const DeviceFilter& filter,
                                                      const registry::PageRequest& page) const;
    [[nodiscard]] Result<DeviceCounts> counts() const;

    // Presence.
    /// What `up/state` says, of many devices in one transaction and in order; an outcome for each.
    /// A message of an older boot, such as a late last will, is ignored, and so is a revoked device
    /// that says it is online.
    [[nodiscard]] Result<std::vector<PresenceOutcome>> set_online(
        std::span<const PresenceChange> changes);
    /// Marks devices offline that have been silent for longer, for those that only poll and for
    /// lost last wills; their ids. Call now and then with a few report intervals.
    [[nodiscard]] Result<std::vector<std::string>> expire_presence(
        std::chrono::milliseconds silence);
    /// Raises last_seen, for requests that are no report.
    [[nodiscard]] Status touch(std::string_view id);

    // Certificates.
    /// A renewed certificate; older ones stay good until they end or the device is revoked.
    [[nodiscard]] Status add_certificate(std::string_view id,
                                         const trust::IssuedCertificate& certificate);
    /// Ok when `serial` is a certificate of a device that is neither revoked nor deleted; else
    /// `unauthenticated`. For every request with a client certificate.
    [[nodiscard]] Status check_certificate(std::string_view id, std::string_view serial) const;
    /// Everything revoked that has not ended by itself: the content of the CRL.
    [[nodiscard]] Result<std::vector<trust::Revoked>> revoked_certificates() const;
    /// A new CRL number (RFC 5280 section 5.2.3), greater than every one before.
    [[nodiscard]] Result<std::int64_t> next_crl_number();

    // Inside a transaction of the caller.
    [[nodiscard]] static Status require(store::Transaction& transaction, std::string_view id);
    [[nodiscard]] static Result<Traits> traits(store::Transaction& transaction,
                                               std::string_view id);
    /// Ids of the devices that match now and are not revoked, sorted by bytes.
    [[nodiscard]] static Result<std::vector<std::string>> select(store::Transaction& transaction,
                                                                 const Selector& selector);

private:
    store::Database* database_;
    const Clock* clock_;
};

}  // namespace strandline::fleet
