#pragma once

#include <openssl/x509.h>
#include <span>
#include <string>

#include "base/result.h"

// Internal to trust.
namespace strandline::trust {

/// Adds subjectAltName. Built entry by entry, never as OpenSSL's configuration text, in which a
/// name such as "a,DNS:b" would be two.
[[nodiscard]] Status add_subject_names(X509* certificate, std::span<const std::string> names);

}  // namespace strandline::trust
