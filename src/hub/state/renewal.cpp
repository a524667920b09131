#include "hub/state/renewal.h"

#include <utility>

namespace strandline::hub {
namespace {

template <class T>
void note(Status& first_failure, const Result<T>& result) {
    if (!result && first_failure) first_failure = result.error();
}

}  // namespace

Renewal::Renewal(Parts parts)
    : parts_(std::move(parts)),
      server_({parts_.files.ca, parts_.files.server_chain, parts_.files.server_key,
               parts_.files.client_certificate, parts_.files.client_key},
              parts_.load_server),
      broker_(
          {parts_.files.ca, parts_.files.server_chain, parts_.files.server_key, parts_.files.crl},
          parts_.load_broker) {}

Status Renewal::round() {
    Status failure;
    const auto made = parts_.make_certificates();
    note(failure, made);
    // A failure may have left a certificate without its key.
    if (made) note(failure, server_.refresh());
    note(failure, parts_.revocations.refresh());
    note(failure, tell_broker());
    return failure;
}

Status Renewal::spread_revocations() {
    TRY(parts_.revocations.refresh());
    return tell_broker();
}

Status Renewal::tell_broker() { return parts_.load_broker ? broker_.refresh() : Status{}; }

}  // namespace strandline::hub
