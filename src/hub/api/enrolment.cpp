#include "hub/api/enrolment.h"

namespace strandline::hub {
namespace {

policy::TokenBucketOptions bucket_options(const EnrolmentPolicy& policy) {
    constexpr double seconds_per_minute = 60;
    const auto attempts = static_cast<double>(policy.attempts_per_minute);
    return {.rate_per_second = attempts / seconds_per_minute, .burst = attempts};
}

}  // namespace

Enrolment::Enrolment(fleet::FleetService& fleet, const trust::CertificateAuthority& authority,
                     const Clock& clock, EnrolmentPolicy policy)
    : fleet_(&fleet),
      authority_(&authority),
      clock_(&clock),
      policy_(policy),
      attempts_(bucket_options(policy), clock.steady()) {}

Status Enrolment::admit() {
    const std::lock_guard lock(mutex_);
    const auto wait = attempts_.try_take(1, clock_->steady());
    if (!wait) return {};
    auto error = fail(Errc::exhausted, "too many enrolments at once");
    error.retry_after = std::chrono::ceil<std::chrono::milliseconds>(*wait);
    return error;
}

Result<trust::IssuedCertificate> Enrolment::issue(const std::string& csr,
                                                  const std::string& device) const {
    return authority_->sign_request(csr, device, policy_.certificate_validity);
}

Result<fleet::Enrolled> Enrolment::enrol(const fleet::EnrolRequest& request,
                                         const std::string& csr) {
    TRY(issue(csr, "csr-check"));  // thrown away: proves that the request can be signed
    return fleet_->enrol(request,
                         [this, &csr](const std::string& device) { return issue(csr, device); });
}

}  // namespace strandline::hub
