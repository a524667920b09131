#include "hub/api/enrolment.h"

#include "trust/request_key.h"

namespace strandline::hub {
namespace {

// Addresses whose failures are remembered: some 100 bytes each.
constexpr std::size_t max_addresses = 10'000;

policy::TokenBucketOptions per_minute(std::uint32_t count) {
    constexpr double seconds_per_minute = 60;
    return {.rate_per_second = count / seconds_per_minute, .burst = static_cast<double>(count)};
}

Error too_many(std::string message, std::chrono::nanoseconds wait) {
    auto error = fail(Errc::exhausted, std::move(message));
    error.retry_after = std::chrono::ceil<std::chrono::milliseconds>(wait);
    return error;
}

}  // namespace

Enrolment::Enrolment(fleet::FleetService& fleet, const trust::CertificateAuthority& authority,
                     const Clock& clock, EnrolmentPolicy policy)
    : fleet_(&fleet),
      authority_(&authority),
      clock_(&clock),
      policy_(policy),
      attempts_(per_minute(policy.attempts_per_minute), clock.steady()),
      failures_(per_minute(policy.failures_per_minute), max_addresses) {}

Status Enrolment::admit(const std::string& address) {
    const std::lock_guard lock(mutex_);
    const auto now = clock_->steady();
    const auto penalty = failures_.until_admission(address, now);
    if (penalty.count() > 0) {
        return too_many("too many refused join tokens from " + address, penalty);
    }
    if (const auto wait = attempts_.try_take(1, now)) {
        return too_many("too many enrolments at once", *wait);
    }
    return {};
}

void Enrolment::note_failure(const std::string& address) {
    const std::lock_guard lock(mutex_);
    failures_.charge(address, clock_->steady());
}

Result<trust::IssuedCertificate> Enrolment::issue(const std::string& csr,
                                                  const std::string& device) const {
    return authority_->sign_request(csr, device, policy_.certificate_validity);
}

Result<fleet::Enrolled> Enrolment::enrol(const fleet::EnrolRequest& request,
                                         const std::string& csr) {
    TRY(issue(csr, "csr-check"));  // thrown away: proves that the request can be signed
    auto wanted = request;
    TRY(wanted.key, trust::key_of_request(csr));
    return fleet_->enrol(wanted,
                         [this, &csr](const std::string& device) { return issue(csr, device); });
}

}  // namespace strandline::hub
