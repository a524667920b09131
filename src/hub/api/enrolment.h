#pragma once

#include <mutex>
#include <string>

#include "base/clock.h"
#include "fleet/fleet_service.h"
#include "policy/keyed_buckets.h"
#include "policy/token_bucket.h"
#include "trust/authority.h"

namespace strandline::hub {

struct EnrolmentPolicy {
    std::chrono::seconds certificate_validity{90 * 86'400};
    std::uint32_t attempts_per_minute = 600;  ///< of all addresses together
    std::uint32_t failures_per_minute = 30;   ///< of one address, in a row without waiting
};

/// Turns join tokens into devices with certificates. Thread-safe; blocks on the database.
class Enrolment {
public:
    Enrolment(fleet::FleetService& fleet, const trust::CertificateAuthority& authority,
              const Clock& clock, EnrolmentPolicy policy);

    /// Checks the request's signature before the token is touched, so that a broken CSR costs no
    /// use of it. Too many attempts are `exhausted`; every token problem is the same
    /// `unauthenticated`.
    [[nodiscard]] Result<fleet::Enrolled> enrol(const fleet::EnrolRequest& request,
                                                const std::string& csr);

    [[nodiscard]] Result<trust::IssuedCertificate> issue(const std::string& csr,
                                                         const std::string& device) const;
    /// Takes one attempt from the budget of all. An address that failed too often is `exhausted`
    /// before that, so that it cannot use up what others need.
    [[nodiscard]] Status admit(const std::string& address);
    /// A token of this address was refused.
    void note_failure(const std::string& address);

private:
    fleet::FleetService* fleet_;
    const trust::CertificateAuthority* authority_;
    const Clock* clock_;
    EnrolmentPolicy policy_;
    std::mutex mutex_;
    policy::TokenBucket attempts_;
    policy::KeyedBuckets failures_;
};

}  // namespace strandline::hub
