#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/deadline.h"
#include "net/runtime.h"

namespace strandline::hub {

struct SessionCut {
    std::string host;
    std::uint16_t port = 0;
    std::string client_id;  ///< of the device; the certificate's CN must be the same
    std::string ca_file;
    std::string certificate_pem;  ///< short-lived and not revoked
    std::string private_key_pem;
    std::filesystem::path folder;  ///< for the two files that the connection needs meanwhile
};

/// Ends the live session of a client: connects once in its name, which makes the broker drop the
/// other connection and everything it kept for that client, then leaves. Revoke the client's own
/// certificate first (CRL and Broker::reload()), or it comes back.
[[nodiscard]] net::Task<void> cut_session(net::Runtime& runtime, SessionCut cut, Deadline deadline);

}  // namespace strandline::hub
